import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import type { Told } from './told.js';
import { blocksOf, type Block } from './upstream/messages-api.js';
import { saying, type Reply } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp(manyModels());
  probes = new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

type Call = [name: string, input?: Record<string, unknown>];

const calling = (...calls: Call[]): Reply => ({ steps: calls.map(([name, input]) => ({ toolUse: { name, input } })) });

/** Has the model make the calls in one turn and then say so. */
function use(talk: Talk, ...calls: Call[]): Promise<Told> {
  return talks.ask(talk, [calling(...calls), saying('So')]);
}

/** What the model was told of its calls, in their order. */
function toldModel(talk: Talk): Block[] {
  const last = talks.sent(talk.model).at(-1)?.messages.at(-1);
  return last ? blocksOf(last) : [];
}

const CALCULATOR = { tools: ['calculator:*', 'clock:*'] };

describe('Calls of one turn', () => {
  it('are made side by side, and their results given in the order of the calls', async () => {
    const talk = await talks.start({ ...PROBES, tools: ['probe:*', 'calculator:*'] });
    const { message, results } = await use(
      talk,
      ['probe__meet', { me: 'Ada', other: 'Bob' }],
      ['calculator__add', { a: 1, b: 2 }],
      ['probe__meet', { me: 'Bob', other: 'Ada' }],
    );
    expect(toldModel(talk).map(({ content }) => content)).toEqual(['Bob', '3', 'Ada']);
    expect(message?.toolCalls.map(({ output }) => output)).toEqual(['Bob', '3', 'Ada']);
    expect(results).toHaveLength(3);
  });

  it('can be many', async () => {
    const talk = await talks.start(CALCULATOR);
    const many = Array.from({ length: 60 }, (_, n): Call => ['calculator__power', { a: 2, b: n }]);
    const { message } = await use(talk, ...many);
    expect(message?.toolCalls.map(({ output }) => output)).toEqual(many.map((_, n) => String(2n ** BigInt(n))));
  });
});

describe('An error of a tool', () => {
  it.each<[string, Call, string]>([
    ['division by zero', ['calculator__divide', { a: 1, b: 0 }], 'Division by zero'],
    ['an unknown zone', ['clock__now', { timezone: 'Europe/Atlantis' }], 'Unknown timezone Europe/Atlantis'],
    ['a tool that throws', ['probe__throw'], 'The tool probe:throw failed: no luck today'],
    ['a tool that does not exist', ['calculator__modulo', { a: 1, b: 2 }], 'There is no tool named calculator:modulo'],
    ['a name that is none', ['x'.repeat(100), {}], `There is no tool named ${'x'.repeat(100)}`],
  ])('is told to the model, which answers all the same: %s', async (_what, call, output) => {
    const talk = await talks.start({ ...PROBES, tools: ['probe:*', ...CALCULATOR.tools] });
    const { run, message, results } = await use(talk, call);
    expect(run.status).toBe('completed');
    expect(results).toMatchObject([{ isError: true, output }]);
    expect(message?.toolCalls).toMatchObject([{ status: 'failed', isError: true, output }]);
    expect(toldModel(talk)).toMatchObject([{ type: 'tool_result', is_error: true, content: output }]);
  });

  it('in its input is readable, and the model may try again', async () => {
    const talk = await talks.start(CALCULATOR);
    const wrong: [Call, RegExp][] = [
      [['calculator__add', { a: 1 }], /does not fit.*input must have required property 'b'/],
      [['calculator__add', { a: 1, b: 2, c: 3 }], /input must NOT have additional properties/],
      [['calculator__add', { a: 'one', b: 2 }], /input\/a must match pattern/],
      [['calculator__add', { a: null, b: { a: 1 } }], /input\/a must be number/],
    ];
    for (const [call] of wrong) app.upstream.enqueue(calling(call));
    const { message } = await talks.ask(talk, [calling(['calculator__add', { a: 1, b: 2 }]), saying('Three')]);
    expect(message?.content).toBe('Three');
    const outputs = message?.toolCalls.map(({ output }) => output) ?? [];
    for (const [index, [, fault]] of wrong.entries()) expect(outputs[index]).toMatch(fault);
    expect(outputs.at(-1)).toBe('3');
  });

  it('in the JSON of its input is one of its schema', async () => {
    const talk = await talks.start(CALCULATOR);
    const broken: Reply = { steps: [{ toolUse: { name: 'calculator__add', json: '{"a": 1, "b"' } }] };
    const { run, results } = await talks.ask(talk, [broken, saying('So')]);
    expect(run.status).toBe('completed');
    expect(results[0]?.output).toMatch(/must have required property 'a'/);
  });
});

describe('A tool', () => {
  it('that exists, but was not given to the agent, is unknown to it', async () => {
    const talk = await talks.start({ tools: ['calculator:add'] });
    const { results } = await use(talk, ['calculator__subtract', { a: 1, b: 2 }]);
    expect(results[0]?.output).toContain('There is no tool named');
  });

  it('that says too much is cut short, for the model and for readers', async () => {
    const talk = await talks.start(PROBES);
    const { run, message } = await use(talk, ['probe__huge', { characters: 1_000_000 }]);
    expect(run.status).toBe('completed');
    const output = message?.toolCalls[0]?.output ?? '';
    expect(/^(😀)+$/u.test(output)).toBe(true);
    expect(output.length).toBeLessThan(101_000);
    expect(message?.toolCalls[0]).toMatchObject({ truncated: true });
    const place = String(message?.toolCalls[0]?.outputUrl);
    expect(toldModel(talk)[0]?.content === `${output}\n[cut: it goes on; the whole is kept at ${place}]`).toBe(true);
    expect((await talk.as.get(place.replace('/api/v1', '')).expect(200)).text.length).toBe(2_000_000);
  });

  it('that says much is shown whole, and its model is told how much more there is', async () => {
    const talk = await talks.start(PROBES);
    const { message } = await use(talk, ['probe__huge', { characters: 60_000 }]);
    expect(message?.toolCalls[0]?.output === '😀'.repeat(60_000)).toBe(true);
    const told = String(toldModel(talk)[0]?.content);
    const end = `\n[cut: 120000 characters; the whole is kept at the call ${message?.toolCalls[0]?.id}]`;
    expect([/^(😀)+$/u.test(told.slice(0, -end.length)), told.slice(-end.length)]).toEqual([true, end]);
    expect(told.length).toBeLessThan(101_000);
  });

  it('counts exactly, with numbers and with texts of numbers', async () => {
    const talk = await talks.start(CALCULATOR);
    const { message } = await use(
      talk,
      ['calculator__add', { a: 0.1, b: 0.2 }],
      ['calculator__add', { a: 1e21, b: 1 }],
      ['calculator__multiply', { a: '12345678901234567890', b: '-98765432109876543210' }],
      ['calculator__power', { a: 2, b: 100 }],
      ['calculator__power', { a: 2, b: 100_001 }],
    );
    expect(message?.toolCalls.map(({ output }) => output)).toEqual([
      '0.3',
      '1000000000000000000001',
      '-1219326311370217952237463801111263526900',
      '1267650600228229401496703205376',
      'The exponent is too large (100000 at most)',
    ]);
  });

  it('knows the time in a zone', async () => {
    const talk = await talks.start(CALCULATOR);
    const { results } = await use(talk, ['clock__now', {}], ['clock__now', { timezone: 'Asia/Tokyo' }]);
    const told = results.map(({ output }) => JSON.parse(output) as { timezone: string; utc: string });
    expect(told.map(({ timezone }) => timezone).sort()).toEqual(['Asia/Tokyo', 'UTC']);
    expect(Math.abs(Date.now() - Date.parse(told[0]?.utc ?? ''))).toBeLessThan(60_000);
  });
});

describe('Permission policies', () => {
  const ADD: Call = ['calculator__add', { a: 1, b: 2 }];
  const SAY: Call = ['probe__say', { words: 'secret/plan', deep: { list: ['a', 'b'] } }];
  const deny = (tool: string, args?: object) => ({ rules: [{ tool, action: 'deny', arguments: args }] });
  const outputs = async (talk: Talk, ...calls: Call[]) =>
    new Map((await use(talk, ...calls)).results.map(({ name, output }) => [name, output]));
  const refused = (name: string) => `The tool ${name} is not permitted here`;

  it('of the tenant hold for all its agents, from the next run on', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    await talk.as.patch('/tenant', { permissionPolicy: deny('calculator:*') }).expect(200);
    expect((await outputs(talk, ADD)).get('calculator:add')).toBe(refused('calculator:add'));
    await talk.as.patch('/tenant', { permissionPolicy: null }).expect(200);
    expect((await outputs(talk, ADD)).get('calculator:add')).toBe('3');
  });

  it('of the agent hold in its sessions', async () => {
    const permissionPolicy = { default: 'allow', ...deny('*:s*y') };
    const talk = await talks.start({ tools: ['probe:*', 'calculator:*'], permissionPolicy });
    const told = await outputs(talk, SAY, ADD);
    expect(told).toEqual(
      new Map([
        ['probe:say', refused('probe:say')],
        ['calculator:add', '3'],
      ]),
    );
    expect(toldModel(talk)[0]).toMatchObject({ is_error: true, content: refused('probe:say') });
  });

  it.each<[string, object, boolean]>([
    ['a text that matches', { '$.words': 'secret/*' }, true],
    ['a text that does not', { '$.words': 'public/*' }, false],
    ['a value in a list', { '$.deep.list[*]': 'b' }, true],
    ['all of several', { '$.words': '*', '$..list[0]': 'a' }, true],
    ['one of several', { '$.words': '*', '$..list[0]': 'b' }, false],
  ])('of the session look at the arguments: %s', async (_what, args, isDenied) => {
    const talk = await talks.start(PROBES);
    const made = await talk.as.post('/sessions', { agentId: talk.agentId, permissionPolicy: deny('probe:say', args) });
    const sessionId = made.json<{ id: string }>().id;
    const said = (await outputs({ ...talk, sessionId }, SAY)).get('probe:say');
    expect(said).toBe(isDenied ? refused('probe:say') : 'secret/plan');
  });

  it('of one level can not allow what another denies', async () => {
    const allow = { default: 'allow', rules: [{ tool: '*', action: 'allow' }] };
    const talk = await talks.start({ ...PROBES, permissionPolicy: allow });
    await talk.as.patch(`/sessions/${talk.sessionId}`, { permissionPolicy: allow }).expect(200);
    await talk.as.patch('/tenant', { permissionPolicy: { default: 'deny' } }).expect(200);
    expect((await outputs(talk, SAY)).get('probe:say')).toBe(refused('probe:say'));
  });

  it("that were never given are in nobody's way to what is harmless", async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    expect((await outputs(talk, ADD)).get('calculator:add')).toBe('3');
  });

  it('are those of the start of a run, whatever they become meanwhile', async () => {
    const talk = await talks.start(PROBES);
    const talking = talks.ask(talk, [
      calling(['probe__meet', { me: 'run', other: 'test' }]),
      calling(SAY),
      saying('So'),
    ]);
    await probes.call('meet', { me: 'test', other: 'run' }, new AbortController().signal);
    await talk.as.patch(`/agents/${talk.agentId}`, { permissionPolicy: { default: 'deny' }, tools: [] }).expect(200);
    expect((await talking).run.status).toBe('completed');
    const next = await outputs(talk, SAY);
    expect(next.get('probe:say') ?? [...next.values()][0]).toContain('There is no tool named');
  });
});
