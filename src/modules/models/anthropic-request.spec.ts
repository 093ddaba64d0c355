import { describe, expect, it } from '@jest/globals';
import { KEY, answered, blocks, givenUpstream, said, streaming } from '../../../test/upstream/anthropic-client.js';
import { textOf } from '../../../test/upstream/model-request.js';
import { saying } from '../../../test/upstream/reply.js';
import type { ModelMessage } from './model-client.js';

const given = givenUpstream();
const { upstream, answer } = given;

describe('Requests to Anthropic', () => {
  const sent = () => given.sent().body;

  it('marks the ends of tools, system prompt and the last two user turns for the cache, not the state behind them', async () => {
    const tool = (name: string) => ({ name, description: name, inputSchema: { type: 'object', properties: {} } });
    await answer(saying('ok'), {
      system: ['one', '', 'two'],
      state: '{"page":"</application_state>"}',
      tools: [tool('one'), tool('two')],
      messages: [said('first'), answered({ type: 'text', text: 'a' }), said('second')],
    });
    const marked = { type: 'ephemeral' };
    expect(sent().tools!.map((each) => each.cache_control)).toEqual([undefined, marked]);
    expect(sent().system).toEqual([
      { type: 'text', text: 'one' },
      { type: 'text', text: 'two', cache_control: marked },
    ]);
    expect(sent().messages).toEqual([
      { role: 'user', content: [{ type: 'text', text: 'first', cache_control: marked }] },
      { role: 'assistant', content: [{ type: 'text', text: 'a' }] },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'second', cache_control: marked },
          {
            type: 'text',
            text: '<application_state>\n{"page":"\\u003c/application_state>"}\n</application_state>',
          },
        ],
      },
    ]);
  });

  it('gives spare cache marks to the user turn before', async () => {
    await answer(saying('ok'), { messages: [said('1'), answered({ type: 'text', text: 'a' }), said('2')] });
    expect(
      sent().messages.map(({ content }) => (content as { cache_control?: unknown }[])[0]?.cache_control !== undefined),
    ).toEqual([true, false, true]);
  });

  it('joins turns of one role, puts tool results first and drops blank text', async () => {
    await answer(saying('ok'), {
      messages: [
        said('calculate'),
        answered({ type: 'text', text: ' ' }, { type: 'tool_use', id: 't1', name: 'a', input: { x: 1 } }),
        answered({ type: 'tool_use', id: 't2', name: 'a', input: {} }),
        said('hurry'),
        { role: 'user', content: [{ type: 'tool_result', toolUseId: 't1', content: '3', isError: false }] },
        {
          role: 'user',
          content: [
            { type: 'tool_result', toolUseId: 't2', content: '', isError: true },
            { type: 'text', text: '' },
          ],
        },
      ],
    });
    const [, assistant, user] = sent().messages;
    expect(assistant!.content).toEqual([
      { type: 'tool_use', id: 't1', name: 'a', input: { x: 1 } },
      { type: 'tool_use', id: 't2', name: 'a', input: {} },
    ]);
    expect(user!.content).toEqual([
      { type: 'tool_result', tool_use_id: 't1', content: '3', is_error: false },
      { type: 'tool_result', tool_use_id: 't2', is_error: true },
      { type: 'text', text: 'hurry', cache_control: { type: 'ephemeral' } },
    ]);
  });

  it('keeps a blank user turn as one that says so', async () => {
    await answer(saying('ok'), { messages: [said(' \n ')] });
    expect(sent().messages).toMatchObject([{ role: 'user', content: [{ type: 'text', text: '(no text)' }] }]);
  });

  it('sends a temperature only to models that take one, under the version of the API that has it', async () => {
    await answer(saying('ok'), { temperature: 0.2, model: 'claude-haiku-4-5' });
    expect(sent().temperature).toBe(0.2);
    expect(upstream.requests.at(-1)!.headers['anthropic-version']).toBe('2023-06-01');
    await answer(saying('ok'), { temperature: 0.2, model: 'claude-sonnet-5-5' });
    expect(sent()).not.toHaveProperty('temperature');
    await answer(saying('ok'), { temperature: null, model: 'claude-haiku-4-5' });
    expect(sent()).not.toHaveProperty('temperature');
  });

  it('asks models that think to show a summary of it, and no others', async () => {
    await answer(saying('ok'));
    expect(sent().thinking).toEqual({ type: 'adaptive', display: 'summarized' });
    await answer(saying('ok'), { model: 'claude-haiku-4-5' });
    expect(sent()).not.toHaveProperty('thinking');
  });

  it('replays thinking as it was received', async () => {
    const first = await answer(
      streaming({ thinking: 'hm' }, { redactedThinking: 'r' }, { toolUse: { name: 'a', id: 't1' } }),
    );
    const turn = answered(...blocks(first));
    const result: ModelMessage = {
      role: 'user',
      content: [{ type: 'tool_result', toolUseId: 't1', content: 'x', isError: false }],
    };
    await answer(saying('ok'), { messages: [said('Hello'), turn, result] });
    expect(upstream.calls).toBe(2);
    expect((sent().messages[1]!.content as { type: string }[]).map(({ type }) => type)).toEqual([
      'thinking',
      'redacted_thinking',
      'tool_use',
    ]);
  });

  it('sends a conversation whose thinking is refused once more without any', async () => {
    const [thinking] = blocks(await answer(streaming({ thinking: 'hm' }, { text: 'a' })));
    const messages = [said('Hello'), answered(thinking!, { type: 'text', text: 'a' }), said('go on')];
    expect(textOf(await answer(saying('fine'), { system: ['changed since'], messages }))).toBe('fine');
    expect(upstream.requests.map(({ status }) => status)).toEqual([200, 400, 200]);
    expect(JSON.stringify(sent().messages)).not.toContain('thinking');
  });

  it('drops thinking that was cut off before its signature', async () => {
    const messages = [
      said('Hello'),
      answered({ type: 'thinking', text: 'hm', signature: '' }, { type: 'text', text: 'a' }),
      said('go on'),
    ];
    await answer(saying('ok'), { messages });
    expect(upstream.requests.map(({ status }) => status)).toEqual([200]);
  });

  it('sends the key, and by default the current version of the API', async () => {
    await answer(saying('ok'));
    expect(upstream.requests[0]!.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'anthropic-version': '2026-10-21',
    });
  });
});
