import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Sent } from './conversations.js';
import { calling, failing, saying, type Reply, type Step } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

const streaming = (...steps: Step[]): Reply => ({ steps });
const text = (...pieces: string[]): Step => ({ text: pieces });
const CUT: Step = { cut: true };

describe('An upstream that refuses', () => {
  it.each([
    [400, 'external_service_error'],
    [401, 'external_service_error'],
    [403, 'external_service_error'],
    [404, 'external_service_error'],
    [413, 'external_service_error'],
  ])('with %d fails the run at once', async (status, code) => {
    const talk = await talks.start();
    const { run, message, types } = await talks.ask(talk, [failing(status)]);
    expect(run).toMatchObject({ status: 'failed', error: { code }, attempts: 1 });
    expect(run.usage).toMatchObject({ inputTokens: 0, outputTokens: 0, costMicros: 0, estimated: false });
    expect(message).toBeNull();
    expect(types).toEqual(['run.started', 'message.created', 'run.failed']);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it('answers the waiting with 201, no message and the error, and takes the next message', async () => {
    const { as, sessionId } = await talks.start();
    app.upstream.enqueue(failing(400, {}, 'your key sk-ant-secret-1234567890 \u0007 is 😀'), saying('Better'));
    const failed = (await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(201)).json<Sent>();
    expect(failed.message).toBeNull();
    expect(failed.run).toMatchObject({ status: 'failed', error: { code: 'external_service_error' } });
    expect(JSON.stringify(failed)).not.toContain('secret');
    const next = (await as.post(`/sessions/${sessionId}/messages`, { content: 'Again' }).expect(201)).json<Sent>();
    expect(next.message?.content).toBe('Better');
  });

  it('is given up where no other model is left, and left for one that is', async () => {
    const talk = await talks.start({ fallbackModels: [talks.model()] });
    const { run, message } = await talks.ask(talk, [failing(404), saying('I can')]);
    expect(message?.content).toBe('I can');
    expect(run.model).not.toBe(talk.model);
    expect(talks.sent(run.model)).toHaveLength(1);
  });

  it('of every model fails the run with what the last one said', async () => {
    const talk = await talks.start({ fallbackModels: [talks.model()] });
    const { run } = await talks.ask(talk, [failing(401), failing(404, {}, 'no such model')]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'external_service_error' } });
    expect(run.error?.message).toContain('no such model');
  });
});

describe('An upstream in trouble', () => {
  it.each([
    ['429 with retry-after', failing(429, { 'retry-after': '1' })],
    ['500', failing(500)],
    ['529', failing(529)],
    ['a connection that drops', { dropped: true } as const],
    ['a cut before the first word', streaming(CUT)],
    ['an end without an end', streaming({ end: true })],
    ['a malformed event', streaming({ raw: 'event: content_block_delta\ndata: {"type":\n\n' })],
    [
      'an event that contradicts the protocol',
      streaming({ event: 'content_block_stop', data: { type: 'content_block_stop', index: 7 } }),
    ],
    ['an error event', streaming({ error: 'overloaded_error', message: 'Overloaded' })],
  ])('is asked again after %s, and nobody sees it', async (_what, trouble) => {
    const talk = await talks.start();
    const { run, message, discarded } = await talks.ask(talk, [trouble, saying('Here', ' I am')]);
    expect(run).toMatchObject({ status: 'completed', attempts: 1 });
    expect(message?.content).toBe('Here I am');
    expect(discarded).toEqual([]);
    const [first, second] = talks.sent(talk.model);
    expect(second).toEqual(first);
  });

  it.each([
    ['in the middle of text', streaming(text('It was', ' the best'), CUT)],
    [
      'in the middle of a tool call',
      streaming(text('Let me'), { toolUse: { name: 'calculator__add', json: '{"a": 1, "b' } }, CUT),
    ],
    ['by an error event', streaming(text('It was'), { error: 'api_error', message: 'Internal' })],
    ['by nonsense', streaming(text('It was'), { raw: 'event: content_block_delta\ndata: nonsense\n\n' })],
  ])('cut off %s discards what was shown and tells it anew', async (_where, trouble) => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const { run, message, discarded, types } = await talks.ask(talk, [trouble, saying('Better')]);
    expect(run.status).toBe('completed');
    expect(message?.content).toBe('Better');
    expect(discarded).toHaveLength(1);
    expect(types).not.toContain('tool.call');
    expect(run.usage.estimated).toBe(true);
  });

  it('settles what a broken attempt took, beside what the good one did', async () => {
    const talk = await talks.start();
    const words = 'one two three four five six seven eight';
    const broken: Reply = { steps: [text(words), CUT], usage: { inputTokens: 100, cacheReadTokens: 3 } };
    const whole: Reply = {
      ...saying('Right'),
      usage: { inputTokens: 50, outputTokens: 7, cacheReadTokens: 5, cacheWriteTokens: 2 },
    };
    const { run } = await talks.ask(talk, [broken, whole]);
    const { outputTokens, costMicros, ...usage } = run.usage;
    expect(usage).toEqual({ inputTokens: 150, cacheReadTokens: 8, cacheWriteTokens: 2, estimated: true });
    expect(outputTokens).toBeGreaterThan(7 + 4);
    expect(costMicros).toBe(150 + outputTokens * 1_000 + 8 * 100_000 + 2 * 10_000_000);
    const { usage: total } = (await talk.as.get(`/sessions/${talk.sessionId}`)).json();
    expect(total).toEqual(run.usage);
  });

  it('cut off after a tool round keeps the round and repeats its text', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const round: Reply = streaming(text('Let me see.'), {
      toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } },
    });
    const { message, discarded, results } = await talks.ask(talk, [
      round,
      streaming(text('It is'), CUT),
      saying('Three.'),
    ]);
    expect(discarded).toEqual(['Let me see.\n\nIt is']);
    expect(message?.content).toBe('Let me see.\n\nThree.');
    expect(results).toEqual([expect.objectContaining({ name: 'calculator:add', output: '3' })]);
    expect(message?.toolCalls).toHaveLength(1);
  });

  it('for good after a tool round fails the run, and the round stays in the history', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const round: Reply = streaming(text('Let me see.'), {
      toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } },
    });
    const first = await talks.ask(talk, [round, streaming(text('It is'), CUT), failing(400)]);
    expect(first.run).toMatchObject({ status: 'failed', error: { code: 'external_service_error' } });
    expect(first.message).toMatchObject({ content: 'Let me see.', toolCalls: [{ output: '3', status: 'completed' }] });
    const next = await talks.ask(talk, [saying('Three.')], { content: 'And?' });
    expect(next.message?.content).toBe('Three.');
    const roles = talks
      .sent(talk.model)
      .at(-1)
      ?.messages.map(({ role }) => role);
    expect(roles).toEqual(['user', 'assistant', 'user']);
  });

  it('for good gives up after three attempts', async () => {
    const talk = await talks.start();
    const { run, message, discarded } = await talks.ask(talk, [failing(500), streaming(text('Hm'), CUT), failing(529)]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'external_service_error' } });
    expect(message).toBeNull();
    expect(discarded).toEqual(['Hm']);
    expect(talks.sent(talk.model)).toHaveLength(3);
    expect(run.usage).toMatchObject({ estimated: true });
  });

  it('leaves the answer to the next model, which goes on to the end', async () => {
    const fallback = talks.model();
    const talk = await talks.start({ fallbackModels: [fallback], tools: ['calculator:*'] });
    const broken = [failing(500), failing(500), streaming(text('I'), CUT)];
    const round = streaming(text('You'), { toolUse: { name: 'calculator__add', input: { a: 1, b: 1 } } });
    const { run, message, discarded } = await talks.ask(talk, [...broken, round, saying('Two')]);
    expect(run).toMatchObject({ status: 'completed', model: fallback });
    expect(message?.content).toBe('You\n\nTwo');
    expect(discarded).toEqual(['I']);
    expect(talks.sent(talk.model)).toHaveLength(3);
    expect(talks.sent(fallback)).toHaveLength(2);
  });

  it('is left alone for a while when it keeps failing', async () => {
    const talk = await talks.start();
    const fails = [failing(500), failing(500), failing(500)];
    await talks.ask(talk, fails);
    await talks.ask(talk, fails.slice(1));
    const before = talks.sent(talk.model).length;
    const { run } = await talks.ask(talk, []);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'circuit_breaker_open' } });
    expect(talks.sent(talk.model)).toHaveLength(before);
  });
});

describe('An upstream that hangs', () => {
  it.each<[string, Reply]>([
    ['before it answers', { silent: true }],
    ['in the middle of its answer', streaming(text('Wait'), { hang: true })],
  ])('%s is left when the time of the run is up', async (_where, reply) => {
    const resourceLimits = { maxExecutionTimeMs: 700 };
    const talk = await talks.start({ resourceLimits });
    const { run, message } = await talks.ask(talk, [reply]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_execution_time_exceeded' } });
    expect(message).toBeNull();
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it('after a tool round leaves the round in the history', async () => {
    const talk = await talks.start({ tools: ['calculator:*'], resourceLimits: { maxExecutionTimeMs: 1_000 } });
    const { run, message } = await talks.ask(talk, [calling('calculator__add', { a: 1, b: 2 }), { silent: true }]);
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_execution_time_exceeded' } });
    expect(message?.toolCalls).toMatchObject([{ name: 'calculator:add', output: '3' }]);
  });
});
