import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunEnvelope } from '../src/contracts/live-events.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { TestSocket } from './sockets.js';
import { eventsOf } from './sse.js';
import { told, type Told } from './told.js';
import { blocksOf } from './upstream/messages-api.js';
import { failing, saying, type Reply } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp(manyModels());
  probes = new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

/** Says these words and then nothing more. */
const stopping = (...words: string[]): Reply => ({ steps: [{ text: words }, { hang: true }] });

/** A run under way: its stream is read until an event is as wanted, then it is given to `act`; told when it has ended. */
async function during(
  talk: Talk,
  replies: Reply[],
  wanted: (event: RunEnvelope) => boolean,
  act: (runId: string) => Promise<unknown>,
): Promise<Told> {
  app.upstream.enqueue(...replies);
  const body = { content: 'Hi', stream: true };
  const response = await talk.as.fetch('POST', `/sessions/${talk.sessionId}/messages`, body);
  const events: RunEnvelope[] = [];
  let acting: Promise<unknown> | undefined;
  for await (const event of eventsOf(response)) {
    events.push(event);
    if (wanted(event)) acting ??= act(event.runId);
  }
  await acting;
  const run = told(events);
  await talks.check(talk.as, run);
  return run;
}

const said = (words: string) => (event: RunEnvelope) =>
  event.type === 'message.delta' && (event.data as { text: string }).text.includes(words);
const isType = (type: string) => (event: RunEnvelope) => event.type === type;
const cancel = (talk: Talk) => async (runId: string) =>
  expect((await talk.as.post(`/runs/${runId}/cancel`).expect(200)).json()).toMatchObject({ status: 'cancelled' });

describe('A run that is cancelled', () => {
  it('while it streams keeps what was said, for readers and for the conversation', async () => {
    const talk = await talks.start();
    const { run, message, events } = await during(talk, [stopping('It was', ' the best')], said('best'), cancel(talk));
    expect(run).toMatchObject({ status: 'cancelled', error: null, usage: { estimated: true } });
    expect(message?.content).toBe('It was the best');
    expect(events.at(-1)?.type).toBe('run.cancelled');
    await eventually(
      () => app.upstream.requests.at(-1)?.aborted,
      (aborted) => aborted === true,
    );
    await talks.ask(talk, [saying('of times')], { content: 'Go on' });
    const texts = talks
      .sent(talk.model)
      .at(-1)
      ?.messages.map((turn) => blocksOf(turn)[0]?.text);
    expect(texts).toEqual(['Hi', 'It was the best', 'Go on']);
  });

  it('after a tool round keeps the round too', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const round: Reply = {
      steps: [{ text: 'Let me see.' }, { toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } } }],
    };
    const { message } = await during(talk, [round, stopping('It is')], said('It is'), cancel(talk));
    expect(message).toMatchObject({
      content: 'Let me see.\n\nIt is',
      toolCalls: [{ output: '3', status: 'completed' }],
    });
  });

  it('while a tool is at work cancels the call, and the model is told so later', async () => {
    const talk = await talks.start(PROBES);
    const calls: Reply = {
      steps: [{ toolUse: { name: 'probe__wait' } }, { toolUse: { name: 'probe__say', input: { words: 'yes' } } }],
    };
    const { run, message } = await during(talk, [calls], isType('tool.result'), cancel(talk));
    expect(run.status).toBe('cancelled');
    expect(message?.toolCalls).toMatchObject([
      { name: 'probe:wait', status: 'cancelled', isError: null, output: null },
      { name: 'probe:say', status: 'completed', output: 'yes' },
    ]);
    await talks.ask(talk, [saying('Fine')], { content: 'Never mind' });
    const [wait, say] = blocksOf(talks.sent(talk.model).at(-1)?.messages[2] ?? { role: '', content: '' });
    expect(wait).toMatchObject({ is_error: true, content: expect.stringContaining('cancelled') });
    expect(say).toMatchObject({ is_error: false, content: 'yes' });
    expect(probes.count('wait')).toBe(1);
  });

  it.each<[string, Reply, Partial<Reply>]>([
    ['before the model says anything', { silent: true }, {}],
    ['while it only thinks', { steps: [{ thinking: 'Hm' }, { hang: true }] }, {}],
    ['while a refused attempt waits for the next', failing(429, { 'retry-after': '30' }), {}],
  ])('%s has no message', async (_when, reply) => {
    const talk = await talks.start();
    const asked = (): boolean => talks.sent(talk.model).length > 0;
    const { run, message } = await during(talk, [reply], isType('message.created'), async (runId) => {
      await eventually(asked, Boolean);
      await cancel(talk)(runId);
    });
    expect(run.status).toBe('cancelled');
    expect(message).toBeNull();
  });

  it('is answered to whoever waits for it', async () => {
    const talk = await talks.start();
    app.upstream.enqueue(stopping('Well'));
    const waiting = talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'Hi' }).expect(201);
    const runId = await eventually(() => runOf(talk), Boolean);
    await eventually(
      async () => (await talk.as.get(`/runs/${runId}`)).json<{ lastSeq: number }>(),
      ({ lastSeq }) => lastSeq > 3,
    );
    await talk.as.post(`/runs/${runId}/cancel`).expect(200);
    const { run, message } = (await waiting).json<Sent>();
    expect(run.status).toBe('cancelled');
    expect(message?.content).toBe('Well');
  });

  it('twice at once is cancelled once, and not again when it has ended', async () => {
    const talk = await talks.start();
    const { run } = await during(talk, [stopping('Well')], said('Well'), async (runId) => {
      const both = await Promise.all([1, 2].map(() => talk.as.post(`/runs/${runId}/cancel`)));
      for (const answer of both) expect([200, 409]).toContain(answer.status);
      expect(both.some((answer) => answer.status === 200)).toBe(true);
    });
    const late = await talk.as.post(`/runs/${run.id}/cancel`).expect(409);
    expect(late.json()).toMatchObject({ code: 'conflict' });
    const done = await talks.ask(talk, [saying('Done')]);
    await talk.as.post(`/runs/${done.run.id}/cancel`).expect(409);
  });

  it('by socket ends as by HTTP', async () => {
    const talk = await talks.start();
    const socket = await TestSocket.connect(app.url, talk.owner.accessToken);
    const { run } = await during(talk, [stopping('Well')], said('Well'), async (runId) => {
      expect(await socket.say('run.cancel', { runId })).toMatchObject({ ok: true, run: { status: 'cancelled' } });
    });
    expect(run.status).toBe('cancelled');
    const late = await socket.say('run.cancel', { runId: run.id });
    expect(late).toMatchObject({ ok: false, error: { code: 'conflict' } });
    socket.close();
  });
});

describe('A run', () => {
  it('is cancelled by nobody who may not see it, or may only look', async () => {
    const talk = await talks.start();
    const [member, viewer] = [await talks.given.member(talk, 'member'), await talks.given.member(talk, 'viewer')];
    const stranger = await talks.given.tenant();
    await during(talk, [stopping('Well')], said('Well'), async (runId) => {
      await member.as.post(`/runs/${runId}/cancel`).expect(404);
      await stranger.as.post(`/runs/${runId}/cancel`).expect(404);
      await viewer.as.post(`/runs/${runId}/cancel`).expect(403);
      const socket = await TestSocket.connect(app.url, member.accessToken);
      expect(await socket.say('run.cancel', { runId })).toMatchObject({ ok: false, error: { code: 'not_found' } });
      socket.close();
      await cancel(talk)(runId);
    });
  });

  it('goes on when the client that streams it leaves', async () => {
    const talk = await talks.start();
    app.upstream.enqueue({ steps: [{ text: 'One' }, { pauseMs: 300 }, { text: ' two' }] });
    const leaving = new AbortController();
    const body = { content: 'Hi', stream: true };
    const response = await talk.as.fetch('POST', `/sessions/${talk.sessionId}/messages`, body, {}, leaving.signal);
    for await (const event of eventsOf(response)) if (said('One')(event)) break;
    leaving.abort();
    const runId = await runOf(talk);
    const run = await eventually(
      async () => (await talk.as.get(`/runs/${runId}`)).json<Sent['run']>(),
      ({ status }) => status !== 'running',
    );
    expect(run.status).toBe('completed');
    const list = (await talk.as.get(`/sessions/${talk.sessionId}/messages`)).json<{ data: { content: string }[] }>();
    expect(list.data.map(({ content }) => content)).toEqual(['Hi', 'One two']);
  });

  it('is the only one, however many messages come at once', async () => {
    const talk = await talks.start();
    app.upstream.enqueue({ ...saying('First'), delayMs: 200 });
    const path = `/sessions/${talk.sessionId}/messages`;
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => talk.as.post(path, { content: `Message ${n}` })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, ...Array<number>(7).fill(409)]);
    for (const answer of answers.filter(({ status }) => status === 409)) {
      expect(answer.json()).toMatchObject({ code: 'run_in_progress' });
    }
    expect((await talk.as.get(`/sessions/${talk.sessionId}/runs`)).json<{ data: object[] }>().data).toHaveLength(1);
    expect((await talk.as.get(path)).json<{ data: object[] }>().data).toHaveLength(2);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });
});

// At the end: the crowd stays until the application stops.
describe('A run that waits for a worker', () => {
  it('is cancelled at once, though all of them are busy', async () => {
    const [crowd, talk] = [await talks.start(), await talks.start()];
    app.upstream.respond = ({ model }) => (model === crowd.model ? { silent: true } : saying('too late'));
    const execute = () => crowd.as.fetch('POST', `/agents/${crowd.agentId}/execute`, { message: 'Hi' });
    for (let n = 0; n < 100; n++) void execute().catch(() => undefined);
    await eventually(
      () => talks.sent(crowd.model).length,
      (count) => count === 100,
    );
    const path = `/sessions/${talk.sessionId}/messages`;
    const sent = await talk.as.post(path, { content: 'Hi', background: true }).expect(202);
    await cancel(talk)(sent.json<Sent>().run.id);
    expect((await talk.as.get(`/sessions/${talk.sessionId}`)).json()).toMatchObject({ status: 'active' });
    expect(talks.sent(talk.model)).toEqual([]);
  }, 60_000);
});

async function runOf({ as, sessionId }: Talk): Promise<string | undefined> {
  return (await as.get(`/sessions/${sessionId}/runs`)).json<{ data: { id: string }[] }>().data[0]?.id;
}
