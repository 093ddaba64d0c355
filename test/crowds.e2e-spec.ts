import { request, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Sent } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { TestSocket } from './sockets.js';
import { told } from './told.js';
import { saying } from './upstream/reply.js';

const SOCKETS = 1_000;
const STREAMS = 50;

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), SOCKETS_PER_ADDRESS: String(2 * SOCKETS) });
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

describe('A thousand sockets in one session', () => {
  it('are all told the run, each event once and in order', async () => {
    const talk = await talks.start();
    const sockets: TestSocket[] = [];
    for (let count = 0; count < SOCKETS; count += 50) {
      const connecting = Array.from({ length: 50 }, () => TestSocket.connect(app.url, talk.owner.accessToken));
      sockets.push(...(await Promise.all(connecting)));
    }
    const joined = await Promise.all(sockets.map((s) => s.say('session.join', { sessionId: talk.sessionId })));
    expect(joined.every(({ ok }) => ok)).toBe(true);
    const { run } = await talks.ask(talk, [saying('To', ' all', ' of', ' you')]);
    const heard = await Promise.all(sockets.map((socket) => socket.whole(run.id)));
    for (const events of heard) expect(told(events).message?.content).toBe('To all of you');
    for (const socket of sockets) socket.close();
  }, 120_000);
});

describe('Fifty streams read one byte a second', () => {
  it('hold up neither each other nor anybody else', async () => {
    const talk = await talks.start();
    const piece = 'Much to read. '.repeat(20_000);
    app.upstream.enqueue(saying(piece, piece, piece));
    const path = `/sessions/${talk.sessionId}/messages`;
    const { run } = (await talk.as.post(path, { content: 'Hi' }).expect(201)).json<Sent>();
    const slow = await Promise.all(Array.from({ length: STREAMS }, () => trickling(run.id, talk.owner.accessToken)));

    const other = await talks.start();
    const answered = await talks.ask(other, [saying('At once')]);
    expect(answered.message?.content).toBe('At once');

    await eventually(
      () => slow.every(({ bytes }) => bytes >= 2),
      (all) => all,
    );
    for (const { response } of slow) response.destroy();
    // Nobody waits for those who have left.
    expect((await talks.ask(other, [saying('Still here')])).message?.content).toBe('Still here');
  }, 120_000);

  async function trickling(runId: string, token: string): Promise<{ response: IncomingMessage; bytes: number }> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const url = `${app.url}/api/v1/runs/${runId}/events`;
      request(url, { headers: { authorization: `Bearer ${token}` }, agent: false }, resolve)
        .on('error', reject)
        .end();
    });
    const reader = { response, bytes: 0 };
    response.on('error', () => undefined);
    const timer = setInterval(() => {
      if (response.read(1) !== null) reader.bytes++;
    }, 1_000);
    response.once('close', () => clearInterval(timer));
    return reader;
  }
});
