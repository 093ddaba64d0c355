import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunEnvelope } from '../src/contracts/live-events.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { allEvents } from './sse.js';
import { told } from './told.js';
import { blocksOf, type Block, type MessagesRequest } from './upstream/messages-api.js';
import { saying, type Reply, type Step } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

const SUM = {
  type: 'object',
  properties: { sum: { type: 'integer' }, note: { type: 'string' } },
  required: ['sum'],
  additionalProperties: false,
};
const structured = (part: object = {}): Promise<Talk> => talks.start({ outputSchema: SUM, ...part });
const streaming = (...steps: Step[]): Reply => ({ steps });
const ADD: Step = { toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } } };

/** Every message as `role: text of its text blocks`, tool blocks by their type. */
function conversationOf(request: MessagesRequest | undefined): string[] {
  return (request?.messages ?? []).map(
    (message) =>
      `${message.role}: ${blocksOf(message)
        .map(({ type, text }) => text ?? type)
        .join(' | ')}`,
  );
}

function deltas(events: RunEnvelope[]): string[] {
  return events.filter(({ type }) => type === 'message.delta').map(({ data }) => (data as { text: string }).text);
}

async function replayed(talk: Talk, runId: string): Promise<RunEnvelope[]> {
  return allEvents(await talk.as.fetch('GET', `/runs/${runId}/events`));
}

describe('An answer that has a schema', () => {
  it('is shown in one piece, and is JSON that fits', async () => {
    const talk = await structured({ systemPrompt: 'Add up.' });
    const { run, message, events } = await talks.ask(talk, [saying('{"sum"', ': ', '3}')]);
    expect(run.status).toBe('completed');
    expect(deltas(events)).toEqual(['{"sum": 3}']);
    expect(message).toMatchObject({ content: '{"sum": 3}', blocks: [{ type: 'text', text: '{"sum": 3}' }] });
  });

  it('is asked for in words that stay the same while the state changes', async () => {
    const talk = await structured({ systemPrompt: 'Add up.' });
    await talks.ask(talk, [saying('{"sum":3}')], { context: { page: 1 } });
    await talks.ask(talk, [saying('{"sum":4}')], { content: 'More', context: { page: 2 } });
    const [first, second] = talks.sent(talk.model);
    const [prompt, rules] = first?.system as Block[];
    expect(prompt?.text).toBe('Add up.');
    const schema = /<output_schema>\n(.*)\n<\/output_schema>/.exec(rules?.text ?? '')?.[1] ?? '';
    expect(JSON.parse(schema)).toEqual(SUM);
    expect((first?.system as Block[]).at(-1)?.cache_control).toEqual({ type: 'ephemeral' });
    expect(second?.system).toEqual(first?.system);
    expect(conversationOf(first)[0]).toContain('"page":1');
    const [asked, answered, next] = conversationOf(second);
    expect([asked, answered]).toEqual(['user: Hi', 'assistant: {"sum":3}']);
    expect(next).toMatch(/^user: More \| .*"page":2/s);
  });

  it.each([
    ['```json\n{"sum": 3}\n```', '{"sum": 3}'],
    ['Here you are:\n\n```\n{"sum": 3}\n```\nAnything else?', '{"sum": 3}'],
    ['As [1] says, the answer is {"sum": 3, "note": "}"}.', '{"sum": 3, "note": "}"}'],
    [' \n{"sum":3}\n', '{"sum":3}'],
  ])('is taken out of %j', async (said, content) => {
    const talk = await structured();
    const { message, events } = await talks.ask(talk, [saying(...said.split(/(?=\s)/))]);
    expect(message).toMatchObject({ content, blocks: [{ type: 'text', text: content }] });
    expect(deltas(events)).toEqual([content]);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it.each<[object, string]>([
    [{ type: 'string' }, '"text"'],
    [{ type: ['number', 'null'] }, 'null'],
    [{ enum: ['yes', 'no'] }, '"no"'],
    [{ type: 'array', items: { type: 'integer' }, minItems: 1 }, '[1, 2]'],
    [{}, '[{"any": "thing"}]'],
    [{ type: 'object', properties: { next: { $ref: '#' } }, additionalProperties: false }, '{"next":{"next":{}}}'],
    [
      { $ref: '#/$defs/tree', $defs: { tree: { type: 'array', items: { $ref: '#/$defs/tree' } } } },
      `${'['.repeat(200)}${']'.repeat(200)}`,
    ],
  ])('may be of any form and hold itself: %j', async (outputSchema, content) => {
    const talk = await structured({ outputSchema });
    const { message } = await talks.ask(talk, [saying(content)]);
    expect(message?.content).toBe(content);
  });

  it('lets thinking be seen meanwhile', async () => {
    const talk = await structured();
    const { message, types } = await talks.ask(talk, [streaming({ thinking: 'Hm.' }, { text: ['{"sum":', '3}'] })]);
    expect(types.slice(2, -2)).toEqual(['message.started', 'thinking.delta', 'message.delta']);
    expect(message).toMatchObject({ content: '{"sum":3}', blocks: [{ type: 'thinking' }, { type: 'text' }] });
    await talks.ask(talk, [saying('{"sum":3}')], { content: 'Sure?' });
    expect(talks.sent(talk.model)).toHaveLength(2);
    expect(blocksOf(talks.sent(talk.model)[1]!.messages[1]!)).toMatchObject([{ type: 'thinking' }, { type: 'text' }]);
  });

  it('keeps none of the words before tool calls, which the model sees as long as the run lasts', async () => {
    const talk = await structured({ tools: ['calculator:*'] });
    const replies = [
      streaming({ thinking: 'One' }, { text: 'Let me see {"sum":0}.' }, ADD),
      streaming({ thinking: 'Two' }, { text: 'And again.' }, ADD),
      streaming({ thinking: 'Three' }, { text: '{"sum":6}' }),
    ];
    const { run, message, events } = await talks.ask(talk, replies);
    expect(run.status).toBe('completed');
    expect(deltas(events)).toEqual(['{"sum":6}']);
    expect(message?.content).toBe('{"sum":6}');
    expect(message?.blocks.map(({ type }) => type)).toEqual([
      ...['thinking', 'tool_use', 'thinking', 'tool_use', 'thinking', 'text'],
    ]);
    expect(message?.toolCalls.map(({ output }) => output)).toEqual(['3', '3']);
    expect(conversationOf(talks.sent(talk.model)[2])).toEqual([
      'user: Hi',
      'assistant: thinking | Let me see {"sum":0}. | tool_use',
      'user: tool_result',
      'assistant: thinking | And again. | tool_use',
      'user: tool_result',
    ]);
    await talks.ask(talk, [saying('{"sum":7}')], { content: 'More' });
    expect(talks.sent(talk.model)).toHaveLength(4);
    expect(conversationOf(talks.sent(talk.model)[3]).slice(1)).toEqual([
      'assistant: thinking | tool_use',
      'user: tool_result',
      'assistant: tool_use',
      'user: tool_result',
      'assistant: {"sum":6}',
      'user: More',
    ]);
  });

  it('that a pause of the provider cut in two is one', async () => {
    const talk = await structured({ model: 'claude-haiku-4-5' });
    const paused: Reply = { ...saying('{"sum":'), stopReason: 'pause_turn' };
    const { message, events } = await talks.ask(talk, [paused, saying(' 3}')]);
    expect(message).toMatchObject({ content: '{"sum": 3}', blocks: [{ type: 'text', text: '{"sum": 3}' }] });
    expect(deltas(events)).toEqual(['{"sum": 3}']);
  });

  it('of an agent asked directly is its content', async () => {
    const talk = await structured();
    app.upstream.enqueue(saying('Not this'), saying('```\n{"sum":3}\n```'));
    const answer = await talk.as.post(`/agents/${talk.agentId}/execute`, { message: 'Hi' }).expect(200);
    expect(answer.json()).toMatchObject({ content: '{"sum":3}' });
  });

  it('of the offline model fits, with its words and numbers', async () => {
    const { as, agentId } = await talks.given.agent({ outputSchema: SUM, tools: ['calculator:*'] });
    const sum = (await as.post(`/agents/${agentId}/execute`, { message: 'What is 6 * 7?' }).expect(200)).json();
    expect(sum).toMatchObject({ content: '{"sum":42}', toolCalls: [{ output: '42' }] });
    await as.patch(`/agents/${agentId}`, { outputSchema: { properties: { said: { type: 'string' } } } }).expect(200);
    const words = await as.post(`/agents/${agentId}/execute`, { message: 'Reply with exactly: a "b"' }).expect(200);
    expect(words.json()).toMatchObject({ content: JSON.stringify({ said: 'a "b"' }) });
  });
});

describe('An answer that does not fit', () => {
  it('is mended once, and what was wrong is shown to nobody', async () => {
    const talk = await structured();
    const usage = { inputTokens: 10, outputTokens: 5 };
    const { run, message, events, discarded } = await talks.ask(talk, [
      { ...streaming({ thinking: 'Hm' }, { text: ['{"sum": "three",', ' "secret": 1}'] }), usage },
      { ...saying('{"sum": 3}'), usage },
    ]);
    expect(run).toMatchObject({ status: 'completed', usage: { inputTokens: 20, outputTokens: 10 } });
    expect(run.usage.costMicros).toBe(20 + 10_000);
    expect(message).toMatchObject({ content: '{"sum": 3}', blocks: [{ type: 'text' }] });
    expect(discarded).toEqual([]);
    expect(deltas(events)).toEqual(['{"sum": 3}']);
    for (const shown of [events, await replayed(talk, run.id)]) expect(JSON.stringify(shown)).not.toContain('secret');
    const [first, second] = talks.sent(talk.model);
    expect([second?.system, second?.tools]).toEqual([first?.system, first?.tools]);
    const [asked, faulty, mend] = conversationOf(second);
    expect([asked, faulty]).toEqual(['user: Hi', 'assistant: thinking | {"sum": "three", "secret": 1}']);
    expect(mend).toMatch(/does not fit[^]*\n- \/sum must be integer\n/);
    expect(mend).toContain('must NOT have additional properties: "secret"');
    await talks.ask(talk, [saying('{"sum":4}')], { content: 'More' });
    expect(conversationOf(talks.sent(talk.model)[2])).toEqual(['user: Hi', 'assistant: {"sum": 3}', 'user: More']);
  });

  it.each([
    ['I would rather not.', 'it is not JSON'],
    ['', 'it is not JSON'],
    ['{"sum": 3', 'it is not JSON'],
    ['{"sum": 3} or {"sum": 4}', 'it holds several JSON values'],
    ['[3]', 'the value must be object'],
  ])('as %j does not, the model is told why', async (said, why) => {
    const talk = await structured();
    const { message } = await talks.ask(talk, [saying(said), saying('{"sum":3}')]);
    expect(message?.content).toBe('{"sum":3}');
    expect(conversationOf(talks.sent(talk.model)[1]).at(-1)).toContain(why);
  });

  it('twice fails the run by that name, with nothing shown, and the conversation goes on', async () => {
    const talk = await structured();
    const replies = [saying('{"sum":"unfit one"}'), streaming({ thinking: 'Hm' }, { text: '{"sum":"unfit two"}' })];
    const { run, message, events } = await talks.ask(talk, replies);
    expect(run).toMatchObject({
      status: 'failed',
      error: { code: 'output_schema_mismatch', message: expect.stringContaining('/sum must be integer') },
    });
    expect(message).toBeNull();
    expect(deltas(events)).toEqual([]);
    expect(JSON.stringify([events, await replayed(talk, run.id)])).not.toContain('unfit');
    const messages = await talk.as.get(`/sessions/${talk.sessionId}/messages`).expect(200);
    expect(messages.text).not.toContain('unfit');
    expect(talks.sent(talk.model)).toHaveLength(2);
    const next = await talks.ask(talk, [saying('{"sum":1}')], { content: 'Again' });
    expect(next.message?.content).toBe('{"sum":1}');
  });

  it.each([{ not: {} }, { type: 'object', required: ['a'], maxProperties: 0 }])(
    'to %j, which nothing fits, fails the run so',
    async (outputSchema) => {
      const talk = await structured({ outputSchema });
      const { run } = await talks.ask(talk, [saying('{"a":1}'), saying('{}')]);
      expect(run.error?.code).toBe('output_schema_mismatch');
      const offline = await talks.given.agent({ outputSchema });
      const answer = await offline.as.post(`/agents/${offline.agentId}/execute`, { message: 'Hi' }).expect(200);
      expect(answer.json()).toMatchObject({ content: null, run: { error: { code: 'output_schema_mismatch' } } });
    },
  );

  it('after tools leaves their calls in the conversation, and may be mended with their help', async () => {
    const talk = await structured({ tools: ['calculator:*'] });
    const replies = [streaming({ text: 'Wait.' }, ADD), saying('Three'), streaming(ADD), saying('{"sum":3}')];
    const { message, events } = await talks.ask(talk, replies);
    expect(message?.content).toBe('{"sum":3}');
    expect(message?.toolCalls).toHaveLength(2);
    expect(deltas(events)).toEqual(['{"sum":3}']);
    const [, , , last] = talks.sent(talk.model);
    expect(conversationOf(last).map((line) => line.split('\n')[0])).toEqual([
      ...['user: Hi', 'assistant: Wait. | tool_use', 'user: tool_result', 'assistant: Three'],
      ...['user: Your answer does not fit the output schema:', 'assistant: tool_use', 'user: tool_result'],
    ]);
    const failed = await talks.ask(talk, [streaming({ text: 'Wait.' }, ADD), saying('unfit'), saying('unfit')], {
      content: 'More',
    });
    expect(failed.run.error?.code).toBe('output_schema_mismatch');
    expect(failed.message).toMatchObject({ content: '', blocks: [{ type: 'tool_use' }], toolCalls: [{ output: '3' }] });
    await talks.ask(talk, [saying('{"sum":5}')], { content: 'Again' });
    expect(talks.sent(talk.model)).toHaveLength(8);
  });

  it.each<[string, object]>([
    ['max_turns_exceeded', { maxTurns: 1 }],
    ['max_tokens_exceeded', { maxTokens: 4_000 }],
  ])('is not mended beyond a limit, which names the error: %s', async (code, resourceLimits) => {
    const talk = await structured({ resourceLimits });
    const { run, message, events } = await talks.ask(talk, [
      { ...saying('unfit'), usage: { inputTokens: 3_900, outputTokens: 50 } },
    ]);
    expect(run).toMatchObject({ status: 'failed', error: { code } });
    expect(message).toBeNull();
    expect(JSON.stringify(events)).not.toContain('unfit');
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it.each<[string, Reply]>([
    ['model_refused', { ...saying('{"sum":3}'), stopReason: 'refusal' }],
    ['max_tokens_exceeded', { ...saying('{"sum":'), stopReason: 'max_tokens' }],
    ['context_window_exceeded', { ...saying('{"sum":3}'), stopReason: 'model_context_window_exceeded' }],
  ])('keeps the error that says more: %s', async (code, reply) => {
    const { as, agentId } = await structured({ resourceLimits: { maxTokens: 20_000 } });
    for (const replies of [[reply], [saying('unfit'), reply]]) {
      // One each: what is longer than the window is asked again without the exchanges before.
      const { id: sessionId } = (await as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>();
      const { run, message, events } = await talks.ask({ as, sessionId }, replies);
      expect(run).toMatchObject({ status: 'failed', error: { code } });
      expect([message, deltas(events)]).toEqual([null, []]);
    }
  });

  it("cut off at the model's own limit is asked for again", async () => {
    const talk = await structured({ resourceLimits: { maxTokens: null } });
    const cut: Reply = { ...saying('{"sum":'), stopReason: 'max_tokens' };
    expect((await talks.ask(talk, [cut, saying('{"sum":3}')])).message?.content).toBe('{"sum":3}');
  });
});

describe('A run whose answer has a schema', () => {
  it('shows nothing of a half answer when it is cancelled', async () => {
    const talk = await structured({ tools: ['calculator:*'] });
    for (const before of [[], [saying('unfit')], [streaming({ text: 'Wait.' }, ADD)]]) {
      const asked = talks.sent(talk.model).length;
      const half = streaming({ text: ['{"sum":3}', ' '] }, { hang: true });
      app.upstream.enqueue(...before, half);
      const stream = await talk.as.fetch('POST', `/sessions/${talk.sessionId}/messages`, {
        content: 'Hi',
        stream: true,
      });
      const running = allEvents(stream);
      await eventually(
        () => talks.sent(talk.model).length,
        (count) => count === asked + before.length + 1,
      );
      const { data } = (await talk.as.get(`/sessions/${talk.sessionId}/runs?limit=1`)).json<{
        data: [{ id: string }];
      }>();
      await talk.as.post(`/runs/${data[0].id}/cancel`).expect(200);
      const { run, events, message } = told(await running);
      expect(run.status).toBe('cancelled');
      expect(deltas(events)).toEqual([]);
      expect(message?.content ?? '').toBe('');
    }
    const next = await talks.ask(talk, [saying('{"sum":1}')], { content: 'Again' });
    expect(next.message?.content).toBe('{"sum":1}');
  });

  it('keeps its schema when the agent gets another', async () => {
    const talk = await structured();
    app.upstream.enqueue({ ...saying('{"sum":3}'), delayMs: 500 });
    const running = allEvents(
      await talk.as.fetch('POST', `/sessions/${talk.sessionId}/messages`, { content: 'Hi', stream: true }),
    );
    await talk.as.patch(`/agents/${talk.agentId}`, { outputSchema: { not: {} } }).expect(200);
    expect(told(await running).message?.content).toBe('{"sum":3}');
  });

  it('fails by name when the schema is one that no agent could have now', async () => {
    const talk = await structured();
    const db = app.nest.get(Db, { strict: false });
    const set = (outputSchema: object) =>
      runAs(Actor.job(talk.tenantId), () =>
        db.run(() =>
          db.sql('UPDATE agents SET definition = definition || :part::jsonb WHERE tenant_id = :tenantId', {
            part: JSON.stringify({ outputSchema }),
          }),
        ),
      );
    await set({ type: 'strnig' });
    const invalid = await talks.ask(talk, [saying('{"sum":3}')]);
    expect(invalid.run).toMatchObject({ status: 'failed', error: { code: 'output_schema_invalid' } });
    await set({ $ref: '#' });
    const endless = await talks.ask(talk, [saying('{"sum":3}')]);
    expect(endless.run).toMatchObject({ status: 'failed', error: { code: 'output_schema_exceeded' } });
  });

  it('fails by name when its answer can not be judged in time, and holds up nobody else', async () => {
    const outputSchema = { type: 'string', pattern: '^(a+)+$' };
    const talk = await structured({ outputSchema });
    const other = await structured();
    const answer = `"${'a'.repeat(40)}!"`;
    const slow = talks.ask(talk, [saying(answer)]);
    await eventually(
      () => talks.sent(talk.model).length,
      (count) => count === 1,
    );
    expect((await talks.ask(other, [saying('{"sum":3}')])).message?.content).toBe('{"sum":3}');
    const { run, message, events } = await slow;
    expect(run).toMatchObject({ status: 'failed', error: { code: 'output_schema_exceeded' } });
    expect([message, deltas(events)]).toEqual([null, []]);
    expect(talks.sent(talk.model)).toHaveLength(1);
  });
});
