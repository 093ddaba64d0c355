import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunEnvelope } from '../src/contracts/live-events.js';
import { LiveLimits } from '../src/platform/live/live-limits.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { TestSocket } from './sockets.js';
import { allEvents, eventsOf } from './sse.js';
import { createTestStore } from './test-store.js';
import { told } from './told.js';
import { saying, type Reply } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let opened: TestSocket[] = [];

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterEach(() => {
  for (const socket of opened) socket.close();
  opened = [];
});
afterAll(() => app.close());

const ROUND: Reply = {
  steps: [
    { thinking: 'Hm.' },
    { text: ['Let', ' me see.'] },
    { toolUse: { name: 'calculator__divide', input: { b: 3, a: 1 } } },
    { toolUse: { name: 'clock__now', input: { timezone: 'Asia/Tokyo' } } },
  ],
};
const TOOLS = { tools: ['calculator:*', 'clock:*'] };
const stopping = (...words: string[]): Reply => ({ steps: [{ text: words }, { hang: true }] });

async function connect(token: string): Promise<TestSocket> {
  const socket = await TestSocket.connect(app.url, token);
  opened.push(socket);
  return socket;
}

const events = (as: Client, runId: string, after = 0) =>
  as.fetch('GET', `/runs/${runId}/events`, undefined, after > 0 ? { 'last-event-id': String(after) } : {});

/** A run that says these words and hangs; known by its id when the words are stored. */
async function hanging(talk: Talk, ...words: string[]): Promise<string> {
  app.upstream.enqueue(stopping(...words));
  const body = { content: 'Hi', background: true };
  const { run } = (await talk.as.post(`/sessions/${talk.sessionId}/messages`, body).expect(202)).json<Sent>();
  await eventually(
    async () => (await talk.as.get(`/runs/${run.id}`)).json<Sent['run']>(),
    ({ lastSeq }) => lastSeq >= 4,
  );
  return run.id;
}

describe('A run', () => {
  it('is told by socket and by SSE in the same words, live and from every position later', async () => {
    const talk = await talks.start(TOOLS);
    const live = await connect(talk.owner.accessToken);
    expect(await live.say('session.join', { sessionId: talk.sessionId })).toEqual({ ok: true, runs: [] });
    const { events: sse, run } = await talks.ask(talk, [ROUND, saying('So', ' it', ' is')]);
    expect(await live.whole(run.id)).toEqual(sse);
    expect(live.events.filter(({ type }) => type === 'session.updated').at(-1)?.data).toMatchObject({
      session: { status: 'active' },
    });
    for (const after of sse.map((_event, index) => index)) {
      expect(await allEvents(await events(talk.as, run.id, after))).toEqual(sse.slice(after));
      const socket = await connect(talk.owner.accessToken);
      const joined = await socket.say('session.join', { sessionId: talk.sessionId, runId: run.id, afterSeq: after });
      expect(joined).toEqual({ ok: true, runs: [{ runId: run.id, status: 'completed', lastSeq: sse.length }] });
      expect(await socket.whole(run.id)).toEqual(sse.slice(after));
      socket.close();
    }
    expect(await allEvents(await events(talk.as, run.id, sse.length))).toEqual([]);
    expect(await allEvents(await events(talk.as, run.id, 9_999))).toEqual([]);
  });

  it('can be joined in the middle, with all of it or with the rest', async () => {
    const talk = await talks.start();
    const runId = await hanging(talk, 'Half', ' said');
    const [all, rest] = [await connect(talk.owner.accessToken), await connect(talk.owner.accessToken)];
    const joined = await all.say('session.join', { sessionId: talk.sessionId, runId });
    const { lastSeq } = (joined['runs'] as { lastSeq: number }[])[0] ?? { lastSeq: NaN };
    await rest.say('session.join', { sessionId: talk.sessionId });
    const sse = allEvents(await events(talk.as, runId, 2));
    await talk.as.post(`/runs/${runId}/cancel`).expect(200);
    const whole = await all.whole(runId);
    expect(told(whole).message?.content).toBe('Half said');
    expect(await sse).toEqual(whole.slice(2));
    expect(await rest.whole(runId)).toEqual(whole.slice(lastSeq));
  });

  it('is started by socket, and shown no more to who has left', async () => {
    const talk = await talks.start();
    const { sessionId } = talk;
    const [stays, leaves] = [await connect(talk.owner.accessToken), await connect(talk.owner.accessToken)];
    for (const socket of [stays, leaves]) await socket.say('session.join', { sessionId });
    expect(await leaves.say('session.leave', { sessionId })).toMatchObject({ ok: true });
    app.upstream.enqueue(saying('By socket'));
    const { ok, runId } = await stays.say('message.send', { sessionId, content: 'Hi' });
    expect(ok).toBe(true);
    expect(told(await stays.whole(String(runId))).message?.content).toBe('By socket');
    expect(leaves.events).toEqual([]);
    const refused = await stays.say('message.send', { sessionId, content: '' });
    expect(refused).toMatchObject({ ok: false, error: { code: 'validation_error' } });
  });

  it('never waits for a slow reader, who gets all of it in the end', async () => {
    const talk = await talks.start();
    const pieces = Array.from({ length: 60 }, (_, n) => `${n} `.repeat(20_000));
    app.upstream.enqueue({ steps: [{ text: pieces }] });
    const path = `/sessions/${talk.sessionId}/messages`;
    const slow = await talk.as.fetch('POST', path, { content: 'Hi', stream: true });
    const run = await eventually(
      async () => (await talk.as.get(`/sessions/${talk.sessionId}/runs`)).json<{ data: Sent['run'][] }>().data[0],
      (shown) => shown?.status === 'completed',
    );
    const read: RunEnvelope[] = [];
    for await (const event of eventsOf(slow)) {
      read.push(event);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(read).toEqual(await allEvents(await events(talk.as, run?.id ?? '')));
    expect(told(read).message?.content).toBe(pieces.join(''));
  }, 60_000);
});

describe('After a restart', () => {
  it('a run is told as before, and one under way goes on where readers were', async () => {
    const first = await startApp({}, await createTestStore());
    const { store } = first;
    const before = new Conversations(first);
    const talk = await before.given.session({ model: 'claude-haiku-4-5', tools: ['calculator:*'] });
    const finished = await before.ask(talk, [{ steps: ROUND.steps.slice(1, 3) }, saying('A third')]);
    first.upstream.enqueue({ steps: ROUND.steps.slice(1, 3) }, stopping('It is'));
    const path = `/sessions/${talk.sessionId}/messages`;
    const response = await talk.as.fetch('POST', path, { content: 'Again', stream: true });
    const known: RunEnvelope[] = [];
    let closing: Promise<void> | undefined;
    for await (const event of eventsOf(response)) {
      known.push(event);
      if (JSON.stringify(event.data).includes('It is')) closing ??= first.close();
    }
    await closing;
    expect(known.at(-1)?.type).toBe('message.delta');

    const second = await startApp({}, store);
    try {
      second.upstream.respond = () => saying('a third.');
      const { as } = await new Conversations(second).given.login(talk.owner.email, talk.owner.password);
      expect(await allEvents(await events(as, finished.run.id))).toEqual(finished.events);
      const runId = known[0]?.runId ?? '';
      const rest = await allEvents(await events(as, runId, known.length));
      const { run, message, discarded, results } = told([...known, ...rest]);
      expect(run).toMatchObject({ status: 'completed', attempts: 2, usage: { estimated: true } });
      expect(discarded).toEqual(['Let me see.\n\nIt is']);
      expect(message?.content).toBe('Let me see.\n\na third.');
      expect(results).toHaveLength(1);
      expect(second.upstream.calls).toBe(1);
    } finally {
      await second.close();
      await store.drop();
    }
  }, 60_000);
});

describe('A reader', () => {
  it('of a private session of another member finds nothing', async () => {
    const talk = await talks.start();
    const { run } = await talks.ask(talk, [saying('Secret')]);
    const { sessionId } = talk;
    const [member, admin] = [await talks.given.member(talk, 'member'), await talks.given.member(talk, 'admin')];
    const socket = await connect(member.accessToken);
    for (const runId of [undefined, run.id]) {
      const refused = await socket.say('session.join', { sessionId, runId });
      expect(refused).toMatchObject({ ok: false, error: { code: 'not_found' } });
    }
    expect((await events(member.as, run.id)).status).toBe(404);
    expect((await events(admin.as, run.id)).status).toBe(200);
    expect((await events((await talks.given.tenant()).as, run.id)).status).toBe(404);
    const another = await talks.start();
    const foreign = await connect(another.owner.accessToken);
    const mixed = await foreign.say('session.join', { sessionId: another.sessionId, runId: run.id });
    expect(mixed).toMatchObject({ ok: false, error: { code: 'validation_error' } });
  });

  it('of a session that is made private is shown no more of it', async () => {
    // Not found by looking again now and then, but told.
    Object.assign(app.nest.get(LiveLimits), { quietMs: 600_000, recheckMs: 600_000 });
    const talk = await talks.start();
    const { sessionId } = talk;
    await talk.as.patch(`/sessions/${sessionId}`, { visibility: 'tenant' }).expect(200);
    const member = await talks.given.member(talk, 'member');
    const runId = await hanging(talk, 'Open');
    const [sse, mine] = [await events(member.as, runId), await events(talk.as, runId)];
    const socket = await connect(member.accessToken);
    expect(await socket.say('session.join', { sessionId, runId })).toMatchObject({ ok: true });
    await talk.as.patch(`/sessions/${sessionId}`, { visibility: 'private' }).expect(200);
    const seen = await allEvents(sse);
    expect(seen.at(-1)?.type).toBe('message.delta');
    await talk.as.post(`/runs/${runId}/cancel`).expect(200);
    expect((await allEvents(mine)).at(-1)?.type).toBe('run.cancelled');
    expect(socket.of(runId)).toEqual(seen);
    const again = await socket.say('session.join', { sessionId, runId });
    expect(again).toMatchObject({ ok: false, error: { code: 'not_found' } });
    Object.assign(app.nest.get(LiveLimits), new LiveLimits());
  }, 30_000);

  it.each<[string, number, (talk: Talk, userId: string) => PromiseLike<unknown>]>([
    [
      'the session is made private',
      404,
      ({ as, sessionId }) => as.patch(`/sessions/${sessionId}`, { visibility: 'private' }),
    ],
    ['they are removed', 401, ({ as }, userId) => as.delete(`/members/${userId}`)],
  ])('who waits for an answer gets none when %s', async (_what, status, end) => {
    const talk = await talks.start();
    const path = `/sessions/${talk.sessionId}`;
    await talk.as.patch(path, { visibility: 'tenant' }).expect(200);
    const member = await talks.given.member(talk, 'member');
    const { length } = talks.sent(talk.model);
    app.upstream.enqueue({ steps: [{ text: 'Not' }, { hang: true }] });
    const waiting = Promise.resolve(member.as.post(`${path}/messages`, { content: 'Hi' }));
    await eventually(
      () => talks.sent(talk.model).length,
      (calls) => calls > length,
    );
    await end(talk, member.userId);
    const answer = await waiting;
    expect([answer.status, answer.text.includes('Not')]).toEqual([status, false]);
    await talk.as.post(`${path}/interrupt`).expect(200);
  });

  it('who is removed is cut off, while others read on', async () => {
    const talk = await talks.start();
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    const member = await talks.given.member(talk, 'member');
    const runId = await hanging(talk, 'Open');
    const [sse, mine] = [await events(member.as, runId), await events(talk.as, runId)];
    const socket = await connect(member.accessToken);
    await socket.say('session.join', { sessionId: talk.sessionId, runId });
    await talk.as.delete(`/members/${member.userId}`).expect(204);
    expect((await allEvents(sse)).at(-1)?.type).toBe('message.delta');
    await socket.closed;
    await talk.as.post(`/runs/${runId}/cancel`).expect(200);
    expect((await allEvents(mine)).at(-1)?.type).toBe('run.cancelled');
    expect((await events(member.as, runId)).status).toBe(401);
  });
});
