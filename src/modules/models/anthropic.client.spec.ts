import { describe, expect, it } from '@jest/globals';
import { answered, blocks, givenUpstream, said, streaming } from '../../../test/upstream/anthropic-client.js';
import { aRequest, collect, collectUntilError, textOf } from '../../../test/upstream/model-request.js';
import { calling, type Reply } from '../../../test/upstream/reply.js';
import type { ModelMessage, ModelUsage } from './model-client.js';

const { upstream, client, answer } = givenUpstream();

describe('AnthropicClient, answers', () => {
  it('streams text as it comes and counts cache tokens apart', async () => {
    const usage = { inputTokens: 12, outputTokens: 7, cacheReadTokens: 300, cacheWriteTokens: 40 };
    const events = await answer({ steps: [{ text: ['Hel', 'lo'] }], usage });
    expect(events).toEqual([
      { type: 'text', text: 'Hel' },
      { type: 'text', text: 'lo' },
      { type: 'block', block: { type: 'text', text: 'Hello' } },
      { type: 'done', stopReason: 'end_turn', usage: { ...usage, estimated: false } },
    ]);
  });

  it('gives thinking with its signature, and thinking that is not shown', async () => {
    const events = await answer(
      streaming({ thinking: 'Let me see' }, { thinking: null }, { redactedThinking: 'x' }, { text: 'Yes' }),
    );
    const [shown, hidden, redacted] = blocks(events);
    expect(events.filter((event) => event.type === 'thinking').map((event) => event.text)).toEqual([
      'Let ',
      'me ',
      'see',
    ]);
    expect(shown).toEqual({ type: 'thinking', text: 'Let me see', signature: expect.stringMatching(/^sig_/) });
    expect(hidden).toEqual({ type: 'thinking', text: '', signature: expect.stringMatching(/^sig_/) });
    expect(redacted).toEqual({ type: 'redacted_thinking', data: expect.stringMatching(/^sig_/) });
  });

  it('puts the input of several tool calls together', async () => {
    const tool = (name: string) => ({ name, description: '', inputSchema: { type: 'object' } });
    const events = await answer(
      streaming(
        { toolUse: { name: 'a', input: { deep: { text: 'ä "quoted"' } }, id: 'toolu_1' } },
        { toolUse: { name: 'b' } },
      ),
      { tools: [tool('a'), tool('b')] },
    );
    expect(blocks(events)).toEqual([
      { type: 'tool_use', id: 'toolu_1', name: 'a', input: { deep: { text: 'ä "quoted"' } } },
      { type: 'tool_use', id: expect.any(String), name: 'b', input: {} },
    ]);
    expect(events.at(-1)).toMatchObject({ type: 'done', stopReason: 'tool_use' });
  });

  it('gives a tool call and stops for it', async () => {
    const events = await answer(calling('a', { x: 1 }));
    expect(blocks(events)).toMatchObject([{ type: 'tool_use', name: 'a', input: { x: 1 } }]);
    expect(events.at(-1)).toMatchObject({ type: 'done', stopReason: 'tool_use' });
  });

  it.each(['{"a": 1', '[1]', 'null', ''])('takes tool input %p that is no JSON object as empty', async (json) => {
    const events = await answer(streaming({ toolUse: { name: 'a', json } }));
    expect(blocks(events)).toMatchObject([{ type: 'tool_use', name: 'a', input: {} }]);
  });

  it.each([
    ['end_turn', 'end_turn'],
    ['tool_use', 'tool_use'],
    ['max_tokens', 'max_tokens'],
    ['stop_sequence', 'stop_sequence'],
    ['pause_turn', 'pause_turn'],
    ['refusal', 'refusal'],
    ['model_context_window_exceeded', 'context_exceeded'],
    ['some_later_reason', 'end_turn'],
  ])('stops for %s as %s', async (stopReason, expected) => {
    const events = await answer({ steps: [{ text: 'x' }], stopReason });
    expect(events.at(-1)).toMatchObject({ type: 'done', stopReason: expected });
  });

  it('skips pings and events, blocks and deltas it does not know', async () => {
    const events = await answer(
      streaming(
        { ping: true },
        { event: 'novelty', data: { type: 'novelty' } },
        {
          event: 'content_block_start',
          data: { type: 'content_block_start', index: 9, content_block: { type: 'server_thing' } },
        },
        {
          event: 'content_block_delta',
          data: { type: 'content_block_delta', index: 9, delta: { type: 'thing_delta' } },
        },
        { event: 'content_block_stop', data: { type: 'content_block_stop', index: 9 } },
        { text: 'still here' },
      ),
    );
    expect(events.map((event) => event.type)).toEqual(['text', 'block', 'done']);
  });
});

describe('AnthropicClient, abort', () => {
  const reason = new Error('cancelled');

  it('does not begin when aborted already', async () => {
    const { error } = await collectUntilError(client().stream(aRequest({ signal: AbortSignal.abort(reason) })));
    expect(error).toBe(reason);
    expect(upstream.calls).toBe(0);
  });

  it.each<[string, Reply]>([
    ['before the headers', { silent: true }],
    ['in the middle', streaming({ text: 'half' }, { hang: true })],
  ])('ends %s with the reason, and the connection with it', async (_, reply) => {
    upstream.enqueue(reply);
    const controller = new AbortController();
    const ending = collectUntilError(client().stream(aRequest({ signal: controller.signal })));
    while (upstream.calls === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort(reason);
    expect((await ending).error).toBe(reason);
    while (!upstream.requests[0]!.aborted) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  it('settles what was received when its reader leaves', async () => {
    upstream.enqueue(streaming({ text: ['one two', ' three'] }, { hang: true }));
    let unfinished: ModelUsage | undefined;
    for await (const event of client().stream(aRequest({ onUnfinished: (usage) => (unfinished = usage) }))) {
      if (event.type === 'block') break;
    }
    expect(unfinished).toMatchObject({ outputTokens: 4, estimated: true });
  });
});

describe('AnthropicClient and the default script', () => {
  it('holds a conversation with a tool call', async () => {
    const tools = [
      {
        name: 'calculator__multiply',
        description: '',
        inputSchema: { type: 'object', required: ['a', 'b'], properties: { a: {}, b: {} } },
      },
    ];
    const messages = [said('What is 12.5 * 4?')];
    const first = blocks(await collect(client().stream(aRequest({ messages, tools }))));
    const call = first.find((block) => block.type === 'tool_use')!;
    expect(call).toMatchObject({ name: 'calculator__multiply', input: { a: 12.5, b: 4 } });
    const result: ModelMessage = {
      role: 'user',
      content: [{ type: 'tool_result', toolUseId: call.id, content: '50', isError: false }],
    };
    const second = await collect(
      client().stream(aRequest({ messages: [...messages, answered(...first), result], tools })),
    );
    expect(textOf(second)).toBe('The answer is 50.');
  });
});
