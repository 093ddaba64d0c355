import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from './client.js';
import type { Sent } from './conversations.js';
import { Random } from './crash/random.js';
import { Scene } from './crash/scene.js';
import { Given, type Member } from './given.js';
import { eventually } from './platform-fixtures.js';
import { startServer, type Server } from './server.js';
import { TestSocket } from './sockets.js';
import { allEvents, eventsOf } from './sse.js';
import { createTestStore, type TestStore } from './test-store.js';
import { told } from './told.js';
import { lastUserText } from './upstream/messages-api.js';
import { FakeAnthropic } from './upstream/fake-anthropic.js';
import { failing, saying, type Reply } from './upstream/reply.js';

const onServices = process.env['TEST_REDIS_URL'] === undefined ? describe.skip : describe;
const STOPPING: Reply = { steps: [{ text: ['It was', ' the best'] }, { hang: true }] };

onServices('A run that was started in one process and is held by another', () => {
  const upstream = new FakeAnthropic();
  const script = new Map<string, Reply[]>();
  let store: TestStore;
  let servers: Server[] = [];
  let owner: Member;
  let [here, there]: Client[] = [];

  beforeAll(async () => {
    store = await createTestStore();
    await upstream.start();
    upstream.respond = (request) => script.get(lastUserText(request))?.shift() ?? failing(400, {}, 'not in the script');
    const environment = { ANTHROPIC_API_KEY: 'test-key', ANTHROPIC_BASE_URL: upstream.url };
    const kept = { ...store, drop: () => Promise.resolve() };
    const roles = ['api', 'api', 'worker'];
    servers = await Promise.all(roles.map((ROLE) => startServer({ ...environment, ROLE }, kept)));
    const urls = servers.map(({ url }) => url);
    owner = (await new Given({ url: urls[0] ?? '' }).tenant()).owner;
    [here, there] = urls.map((url) => new Client(url, owner.accessToken));
  }, 120_000);
  afterAll(async () => {
    for (const server of servers) await server.kill();
    await upstream.stop();
    await store.drop();
  }, 60_000);

  /** Sent to the first process; the worker is asked for these answers. */
  async function begin(words: string, ...replies: Reply[]) {
    script.set(words, replies);
    const { id: sessionId } = (await here!.post('/sessions', { model: 'claude-haiku-4-5' }).expect(201)).json<{
      id: string;
    }>();
    const body = { content: words, background: true };
    const { run } = (await here!.post(`/sessions/${sessionId}/messages`, body).expect(202)).json<Sent>();
    return { sessionId, runId: run.id };
  }

  /** All that a process tells of the run, `act` being called when it has said this. */
  async function follow(client: Client, runId: string, said: string, act: () => PromiseLike<unknown>) {
    const events = [];
    let acting: PromiseLike<unknown> | undefined;
    for await (const event of eventsOf(await client.fetch('GET', `/runs/${runId}/events`))) {
      events.push(event);
      if (JSON.stringify(event).includes(said)) acting ??= act();
    }
    await acting;
    return told(events);
  }

  const status = async (client: Client, path: string) => (await client.get(path).expect(200)).json().status;

  it('is streamed by all of them alike, to SSE and to sockets', async () => {
    const slow: Reply = { steps: ['It', ' was', ' the', ' best'].flatMap((text) => [{ text }, { pauseMs: 150 }]) };
    const { sessionId, runId } = await begin('stream', slow);
    const sockets = await Promise.all([here, there].map((one) => TestSocket.connect(one!.url, owner.accessToken)));
    for (const socket of sockets)
      expect(await socket.say('session.join', { sessionId, runId, afterSeq: 0 })).toMatchObject({ ok: true });
    const streams = [here, there].map(async (one) => allEvents(await one!.fetch('GET', `/runs/${runId}/events`)));
    const [first, ...others] = await Promise.all([...streams, ...sockets.map((socket) => socket.whole(runId))]);
    expect(told(first ?? []).message?.content).toBe('It was the best');
    for (const events of others) expect(events).toEqual(first);
    for (const socket of sockets) socket.close();
  });

  it.each<[string, (ids: { sessionId: string; runId: string }) => PromiseLike<unknown>]>([
    ['is cancelled', ({ runId }) => there!.post(`/runs/${runId}/cancel`).expect(200)],
    [
      'is cancelled by socket',
      async ({ runId }) => {
        const socket = await TestSocket.connect(there!.url, owner.accessToken);
        expect(await socket.say('run.cancel', { runId })).toMatchObject({ ok: true, run: { status: 'cancelled' } });
        socket.close();
      },
    ],
    ['is interrupted', ({ sessionId }) => there!.post(`/sessions/${sessionId}/interrupt`).expect(200)],
  ])('%s from another, which ends the call of the model', async (what, act) => {
    const ids = await begin(what, STOPPING);
    const { run, message } = await follow(here!, ids.runId, ' the best', () => act(ids));
    expect(run).toMatchObject({ status: 'cancelled', attempts: 1 });
    expect(message?.content).toBe('It was the best');
    await eventually(
      () => upstream.requests.find(({ body }) => lastUserText(body) === what)?.aborted,
      (aborted) => aborted === true,
    );
    expect(await status(here!, `/sessions/${ids.sessionId}`)).toBe('active');
  });

  it('is paused from another and resumed from the first', async () => {
    const round: Reply = {
      steps: [{ text: 'Let me see.' }, { pauseMs: 500 }, { toolUse: { name: 'clock__now', input: {} } }],
    };
    const { sessionId, runId } = await begin('pause', round, saying('Now'));
    const run = follow(here!, runId, 'Let me see', () => there!.post(`/sessions/${sessionId}/pause`).expect(200));
    await eventually(
      () => status(here!, `/runs/${runId}`),
      (now) => now === 'waiting',
    );
    await here!.post(`/sessions/${sessionId}/resume`).expect(200);
    expect((await run).types).toEqual(expect.arrayContaining(['run.waiting', 'run.resumed', 'run.completed']));
  });
});

onServices('All processes restarted in turn, while conversations go on', () => {
  it('lose no event, fail no run, and leave none to be taken over', async () => {
    const store = await createTestStore();
    const scene = new Scene(new Random(7), store, ['all', 'all']);
    let takenOver = 0;
    const count = async (url: string | null): Promise<void> => {
      const metrics = await (await fetch(`${url ?? ''}/metrics`)).text();
      takenOver += Number(/^atrium_runs_taken_over_total (\d+)$/m.exec(metrics)?.[1]);
    };
    try {
      await scene.start();
      await scene.during('rolling', 12, async () => {
        for (const slot of scene.slots) {
          await count(slot.url);
          const from = Date.now();
          await slot.restart();
          // What it was at is handed back and begun again by another.
          scene.outages.push({ from, to: Date.now() });
        }
      });
      for (const slot of scene.slots) await count(slot.url);
    } finally {
      await scene.close();
      await store.drop();
    }
    expect(scene.verdict.faults).toEqual([]);
    expect(takenOver).toBe(0);
    expect(scene.verdict.runs).toBeGreaterThanOrEqual(24);
  }, 120_000);
});
