import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, PRICES, type Sent } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { calling, saying, type Reply } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;

/** A token in costs one micro-dollar, a token out a thousand; caching costs nothing. */
const prices = { ...PRICES, cacheReadMicros: 0, cacheWriteMicros: 0 };

beforeAll(async () => {
  app = await startApp(manyModels({ prices }));
  new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

const add = (usage?: object): Reply => ({ ...calling('calculator__add', { a: 1, b: 2 }), ...(usage ? { usage } : {}) });
const limited = (resourceLimits: object, definition: object = {}) =>
  talks.start({ tools: ['calculator:add'], resourceLimits, ...definition });

describe('maxTurns', () => {
  it('allows so many model calls and keeps what their tools found', async () => {
    const talk = await limited({ maxTurns: 2 });
    const { run, message } = await talks.ask(talk, [add(), add()]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_turns_exceeded' } });
    expect(talks.sent(talk.model)).toHaveLength(2);
    expect(message?.toolCalls.map(({ output }) => output)).toEqual(['3', '3']);
    await talks.ask(talk, [saying('Three')], { content: 'So?' });
    const kinds = talks
      .sent(talk.model)
      .at(-1)
      ?.messages.map(({ role }) => role);
    expect(kinds).toEqual(['user', 'assistant', 'user', 'assistant', 'user']);
  });

  it('does not end an answer that takes no more calls', async () => {
    const { run } = await talks.ask(await limited({ maxTurns: 2 }), [add(), saying('Three')]);
    expect(run.status).toBe('completed');
  });
});

describe('maxTokens', () => {
  it('forbids a call whose input alone is too much', async () => {
    const talk = await limited({ maxTokens: 500 });
    const { run } = await talks.ask(talk, [], { content: 'word '.repeat(1_000) });
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_tokens_exceeded' } });
    expect(talks.sent(talk.model)).toEqual([]);
    expect(run.usage).toMatchObject({ inputTokens: 0, costMicros: 0 });
  });

  it('bounds what a call may answer, and an answer cut off by it fails', async () => {
    const talk = await limited({ maxTokens: 2_000 });
    const cut: Reply = { ...saying('Once upon'), stopReason: 'max_tokens' };
    const { run, message, discarded } = await talks.ask(talk, [cut]);
    const [request] = talks.sent(talk.model);
    expect(request?.max_tokens).toBeGreaterThan(0);
    expect(request?.max_tokens).toBeLessThan(2_000);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_tokens_exceeded' } });
    expect(message).toBeNull();
    expect(discarded).toEqual(['Once upon']);
  });

  it('counts all four kinds, and ends the run after the round in which it is reached', async () => {
    const talk = await limited({ maxTokens: 5_000 });
    const usage = { inputTokens: 1_000, outputTokens: 1_000, cacheReadTokens: 1_000, cacheWriteTokens: 2_000 };
    const { run, message } = await talks.ask(talk, [add(usage)]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_tokens_exceeded' } });
    expect(message?.toolCalls).toMatchObject([{ output: '3', status: 'completed' }]);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it('counts attempts that broke off, and makes no other when it is reached', async () => {
    const talk = await limited({ maxTokens: 5_000 }, { fallbackModels: [talks.model()] });
    const broken: Reply = { steps: [{ text: 'Once' }, { cut: true }], usage: { inputTokens: 6_000 } };
    const { run, discarded } = await talks.ask(talk, [broken]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_tokens_exceeded' }, usage: { estimated: true } });
    expect(discarded).toEqual(['Once']);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });
});

describe('maxCostMicros', () => {
  it('forbids a call that can not be paid', async () => {
    const talk = await limited({ maxCostMicros: 500 });
    const { run } = await talks.ask(talk, []);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_cost_exceeded' } });
    expect(talks.sent(talk.model)).toEqual([]);
  });

  it('bounds what a call may answer by what is left', async () => {
    const talk = await limited({ maxCostMicros: 50_000 });
    const { run } = await talks.ask(talk, [{ ...saying('Once'), stopReason: 'max_tokens' }]);
    expect(talks.sent(talk.model)[0]?.max_tokens).toBeLessThan(50);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_cost_exceeded' } });
  });

  it('ends the run after the round in which it is reached', async () => {
    const talk = await limited({ maxCostMicros: 50_000 });
    const { run, message } = await talks.ask(talk, [add({ inputTokens: 10_000, outputTokens: 40 })]);
    expect(run).toMatchObject({ error: { code: 'max_cost_exceeded' }, usage: { costMicros: 50_000 } });
    expect(message?.toolCalls).toHaveLength(1);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });
});

describe('maxExecutionTimeMs', () => {
  it.each(['wait', 'deaf'])('ends a run whose tool takes too long (%s)', async (tool) => {
    const talk = await limited({ maxExecutionTimeMs: 700 }, PROBES);
    const steps = [
      { toolUse: { name: `probe__${tool}` } },
      { toolUse: { name: 'probe__say', input: { words: 'yes' } } },
    ];
    const { run, message } = await talks.ask(talk, [{ steps }]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_execution_time_exceeded' } });
    expect(message?.toolCalls).toMatchObject([
      { name: `probe:${tool}`, status: 'cancelled', output: null },
      { name: 'probe:say', status: 'completed', output: 'yes' },
    ]);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it('does not count the time in the queue', async () => {
    const [crowd, talk] = [await limited({ maxExecutionTimeMs: 3_000 }), await limited({ maxExecutionTimeMs: 2_500 })];
    app.upstream.respond = ({ model }) => (model === talk.model ? saying('At last') : { silent: true });
    const { as, agentId } = crowd;
    const executing = Array.from({ length: 100 }, () =>
      as.fetch('POST', `/agents/${agentId}/execute`, { message: 'Hi' }),
    );
    await eventually(
      () => talks.sent(crowd.model).length,
      (count) => count >= 95,
    );
    const sent = talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'Hi' });
    const { run, message } = (await sent.expect(201)).json<Sent>();
    expect(run).toMatchObject({ status: 'completed', attempts: 1 });
    expect(message?.content).toBe('At last');
    const statuses = await Promise.all(executing.map(async (response) => (await response).status));
    expect(new Set(statuses)).toEqual(new Set([200]));
  }, 60_000);
});
