import { describe, expect, it } from '@jest/globals';
import { aRequest, collect, collectUntilError, textOf } from '../../../test/upstream/model-request.js';
import { BoundedWork } from '../../platform/compute/bounded-work.js';
import { PdfReader } from '../../platform/documents/pdf-reader.js';
import type { AssistantBlock, ModelMessage, ModelRequest, ModelUsage, ToolSpec, UserBlock } from './model-client.js';
import { OfflineClient } from './offline.client.js';

const client = new OfflineClient(new PdfReader(new BoundedWork()));
const number = { type: 'number' };

function tool(name: string, properties: Record<string, unknown> = {}, required = Object.keys(properties)): ToolSpec {
  return { name, description: '', inputSchema: { type: 'object', properties, required } };
}

const tools = [
  ...['add', 'subtract', 'multiply', 'divide', 'power'].map((name) =>
    tool(`calculator__${name}`, { a: number, b: number }),
  ),
  tool('clock__now', { timezone: { type: 'string' } }, []),
  tool('notes__save', { title: { type: 'string' }, body: { type: 'object' } }),
  tool('agent__Summariser', { message: { type: 'string' } }),
];

const user = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const assistant = (text: string): ModelMessage => ({ role: 'assistant', content: [{ type: 'text', text }] });

async function calls(text: string, offered = tools): Promise<[string, Record<string, unknown>][]> {
  const events = await collect(client.stream(aRequest({ messages: [user(text)], tools: offered })));
  return events.flatMap((event) =>
    event.type === 'block' && event.block.type === 'tool_use' ? [[event.block.name, event.block.input]] : [],
  );
}

async function says(messages: ModelMessage[], extra: Partial<ModelRequest> = {}): Promise<string> {
  return textOf(await collect(client.stream(aRequest({ messages, ...extra }))));
}

/** Lets the model call tools, answered by `run`, until it says something. */
async function converse(
  text: string,
  run: (name: string, input: Record<string, unknown>) => string | Error,
  offered = tools,
) {
  const messages: ModelMessage[] = [user(text)];
  const rounds: number[] = [];
  while (rounds.length < 5) {
    const events = await collect(client.stream(aRequest({ messages, tools: offered })));
    const uses = events.flatMap((event) =>
      event.type === 'block' && event.block.type === 'tool_use' ? [event.block] : [],
    );
    if (uses.length === 0) return { answer: textOf(events), rounds };
    rounds.push(uses.length);
    const results = uses.map(({ id, name, input }): UserBlock => {
      const result = run(name, input);
      const isError = result instanceof Error;
      return { type: 'tool_result', toolUseId: id, content: isError ? result.message : result, isError };
    });
    messages.push({ role: 'assistant', content: uses }, { role: 'user', content: results });
  }
  throw new Error('It goes on calling tools');
}

function calculate(name: string, { a, b }: Record<string, unknown>): string | Error {
  const [x, y] = [Number(a), Number(b)];
  if (name.endsWith('divide') && y === 0) return new Error('division by zero');
  const results = { add: x + y, subtract: x - y, multiply: x * y, divide: x / y, power: x ** y };
  return String(results[name.split('__')[1] as keyof typeof results]);
}

describe('OfflineClient, tool calls', () => {
  it.each<[string, [string, Record<string, unknown>][]]>([
    ['What is 12.5 * 4?', [['calculator__multiply', { a: 12.5, b: 4 }]]],
    ['add 2 and 3', [['calculator__add', { a: 2, b: 3 }]]],
    ['2 to the power of 10', [['calculator__power', { a: 2, b: 10 }]]],
    [
      'what is 2+3 and 4*5',
      [
        ['calculator__add', { a: 2, b: 3 }],
        ['calculator__multiply', { a: 4, b: 5 }],
      ],
    ],
    ['What time is it in Europe/Berlin?', [['clock__now', { timezone: 'Europe/Berlin' }]]],
    ['what time is it in New York', [['clock__now', { timezone: 'America/New_York' }]]],
    ['what is the time', [['clock__now', { timezone: 'UTC' }]]],
    ['Use the tool save with {"title": "a", "body": {"b": "}"}}', [['notes__save', { title: 'a', body: { b: '}' } }]]],
    ['call notes:save {"title":"a"}', [['notes__save', { title: 'a' }]]],
    ['call notes__save with {}', [['notes__save', {}]]],
    ['Please call agent:Summariser with "a long text"', [['agent__Summariser', { message: 'a long text' }]]],
    ['use the add tool with {"a": 1, "b": 2}', [['calculator__add', { a: 1, b: 2 }]]],
  ])('for %p', async (text, expected) => {
    expect(await calls(text)).toEqual(expected);
  });

  it.each(['Tell me a story', 'Call me tomorrow', 'I run 5 km every day', 'use the force'])(
    'makes none for %p',
    async (text) => {
      expect(await calls(text)).toEqual([]);
    },
  );

  it('calls only tools that are offered', async () => {
    expect(await calls('What is 2 + 3?', [])).toEqual([]);
  });

  it('names its operands as the schema does, and gives numbers as text where it wants text', async () => {
    const offered = [tool('maths__power', { base: { type: 'string' }, exponent: { type: ['number', 'string'] } })];
    expect(await calls('2.50 to the power of 3', offered)).toEqual([['maths__power', { base: '2.50', exponent: 3 }]]);
  });

  it('gives every call an id of its own and stops for it', async () => {
    const events = await collect(client.stream(aRequest({ messages: [user('what is 2+3 and 4*5')], tools })));
    const ids = events.flatMap((event) =>
      event.type === 'block' && event.block.type === 'tool_use' ? [event.block.id] : [],
    );
    expect(new Set(ids).size).toBe(2);
    expect(ids.every((id) => /^toolu_[a-zA-Z0-9]+$/.test(id))).toBe(true);
    expect(events.at(-1)).toMatchObject({ type: 'done', stopReason: 'tool_use' });
  });
});

describe('OfflineClient, answers from tools', () => {
  it.each([
    ['What is 12.5 * 4?', '12.5 × 4 = 50.', [1]],
    ['what is 2+3 and 4*5', '2 + 3 = 5 and 4 × 5 = 20.', [2]],
    ['What is (2 + 3) * (4 - 1)?', '(2 + 3) × (4 - 1) = 15.', [2, 1]],
    ['divide 1 by 0', 'calculator:divide failed: division by zero.', [1]],
    ['what is 1/0 and 1+1', '1 + 1 = 2. calculator:divide failed: division by zero.', [2]],
  ])('answers %p', async (text, answer, rounds) => {
    expect(await converse(text, calculate)).toEqual({ answer, rounds });
  });

  it('reads the value out of a result that says more', async () => {
    const { answer } = await converse('What is 2 + 3?', () => '{"expression":"2 + 3","result":"5"}');
    expect(answer).toBe('2 + 3 = 5.');
  });

  it('quotes other results', async () => {
    const { answer } = await converse('what time is it in UTC', () => '2030-01-01T00:00:00Z');
    expect(answer).toBe('clock:now answered: 2030-01-01T00:00:00Z');
  });

  it('takes the passage that fits from a long result', async () => {
    const filler = 'This sentence says nothing at all. '.repeat(20);
    const { answer } = await converse(
      'Use the tool save with {} to tell me the height of the tower',
      () => `${filler}The tower has a height of 93 metres. ${filler}`,
    );
    expect(answer).toBe('notes:save answered: The tower has a height of 93 metres.');
  });

  it('says that it cannot calculate without a calculator', async () => {
    expect(await says([user('What is 2 + 3?')])).toMatch(/^I cannot calculate by myself/);
  });
});

describe('OfflineClient, answers from the conversation', () => {
  it('finds what it was told', async () => {
    const messages = [user('Hello. My name is Ada. I live in London.'), assistant('Noted.'), user('What is my name?')];
    expect(await says(messages)).toBe('You told me: "My name is Ada."');
  });

  it('takes the newest of what it was told', async () => {
    const messages = [
      user('My name is Ada.'),
      assistant('Noted.'),
      user('My name is now Grace.'),
      assistant('Noted.'),
      user('What is my name?'),
    ];
    expect(await says(messages)).toBe('You told me: "My name is now Grace."');
  });

  it('finds what it was given', async () => {
    const system = ['You are helpful.', 'Refunds are paid within 14 days. Shipping takes three days.'];
    expect(await says([user('When are refunds paid?')], { system })).toBe(
      'From what I was given: "Refunds are paid within 14 days."',
    );
  });

  it('answers from results of earlier turns', async () => {
    const use: AssistantBlock = { type: 'tool_use', id: 't1', name: 'rag__search', input: {} };
    const messages: ModelMessage[] = [
      user('search'),
      { role: 'assistant', content: [use] },
      {
        role: 'user',
        content: [{ type: 'tool_result', toolUseId: 't1', content: 'The warehouse stands in Lyon.', isError: false }],
      },
      assistant('Done.'),
      user('Where is the warehouse?'),
    ];
    expect(await says(messages)).toBe('From what I was given: "The warehouse stands in Lyon."');
  });

  it.each(['Who are you?', 'What model are you?', 'help', 'Are you human?'])('says what it is for %p', async (text) => {
    expect(await says([user(text)])).toMatch(/^I am Atrium's offline model/);
  });

  it('says that it found nothing, and what it is', async () => {
    expect(await says([user('What is the capital of France?')])).toMatch(
      /^You asked: "What is the capital of France\?" I found nothing about that\. I am Atrium's offline model/,
    );
  });

  it('repeats what it is asked to', async () => {
    expect(await says([user('Reply with exactly: "ready, steady"')])).toBe('ready, steady');
  });

  it('notes what is no question', async () => {
    expect(await says([user('The meeting is on Monday.')])).toBe('Noted: "The meeting is on Monday."');
  });
});

describe('OfflineClient, answers that have a schema', () => {
  const outputSchema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] };

  it('are of that form, with the words it would have said', async () => {
    const system = ['You are kind.', `Your answer is read by a program.\n${JSON.stringify(outputSchema)}`];
    const messages = [user('My name is Ada.'), assistant('Noted.'), user('What is my name?')];
    expect(JSON.parse(await says(messages, { system, outputSchema }))).toEqual({
      answer: 'You told me: "My name is Ada."',
    });
    const asked = await says([user('What program is the answer read by?')], { system, outputSchema });
    expect(asked).toMatch(/^\{"answer":"You asked: /);
  });

  it('stay about what the person asked when they are to be mended', async () => {
    const followUp: ModelMessage = { ...user('Your answer does not fit.'), isFollowUp: true } as ModelMessage;
    const messages = [user('Reply with exactly: one'), assistant('one'), followUp];
    expect(await says(messages, { outputSchema })).toBe('{"answer":"one"}');
  });

  it('come after the tools that were asked for', async () => {
    const events = await collect(client.stream(aRequest({ messages: [user('add 2 and 3')], tools, outputSchema })));
    expect(events.at(-1)).toMatchObject({ stopReason: 'tool_use' });
  });
});

describe('OfflineClient, streams', () => {
  it('streams in several pieces that make up the block', async () => {
    const events = await collect(client.stream(aRequest({ messages: [user('Who are you?')] })));
    expect(events.filter(({ type }) => type === 'text').length).toBeGreaterThan(5);
    expect(events).toContainEqual({ type: 'block', block: { type: 'text', text: textOf(events) } });
  });

  it('answers the same to the same', async () => {
    const again = () => collect(client.stream(aRequest({ messages: [user('Who are you?')] })));
    expect(await again()).toEqual(await again());
  });

  it('counts tokens and uses no cache', async () => {
    const events = await collect(client.stream(aRequest({ messages: [user('Reply with exactly: one two three')] })));
    expect(events.at(-1)).toEqual({
      type: 'done',
      stopReason: 'end_turn',
      usage: {
        inputTokens: expect.any(Number),
        outputTokens: 4,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        estimated: false,
      },
    });
  });

  it('stops at the most tokens it may give', async () => {
    const messages = [user('Reply with exactly: one two three four five six')];
    const events = await collect(client.stream(aRequest({ messages, maxOutputTokens: 5 })));
    expect(textOf(events)).toBe('one two three four');
    expect(events.at(-1)).toMatchObject({ type: 'done', stopReason: 'max_tokens', usage: { outputTokens: 5 } });
  });

  it('ends with the reason of an abort and tells what was used', async () => {
    const controller = new AbortController();
    const reason = new Error('cancelled');
    let unfinished: ModelUsage | undefined;
    const stream = client.stream(
      aRequest({
        messages: [user('Who are you?')],
        signal: controller.signal,
        onUnfinished: (usage) => (unfinished = usage),
      }),
    );
    await stream.next();
    controller.abort(reason);
    expect((await collectUntilError(stream)).error).toBe(reason);
    expect(unfinished).toMatchObject({ estimated: true, outputTokens: expect.any(Number) });
  });
});
