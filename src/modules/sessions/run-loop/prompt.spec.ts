import { describe, expect, it } from '@jest/globals';
import { WireNames } from '../../tools/tool-wire-names.js';
import type { StoredBlock } from '../messages/message.js';
import type { HistoryMessage } from '../messages/messages.repository.js';
import { conversation } from './prompt.js';
import { newToolCall, type RunToolCall, type RunTurn } from './run-steps.repository.js';

const names = new WireNames(['calculator:add']);
const text = (value: string, turn = 0): StoredBlock => ({ type: 'text', text: value, turn });
const use = (id: string, turn = 0): Extract<StoredBlock, { type: 'tool_use' }> => ({
  type: 'tool_use',
  id,
  name: 'calculator:add',
  input: { a: 1 },
  turn,
});
const thinking = (signature: string): StoredBlock => ({ type: 'thinking', text: 'hm', signature, turn: 0 });

const plain = { position: 1, toolCalls: [], model: null, summarizes: null };
const user = (words: string): HistoryMessage => ({ ...plain, role: 'user', blocks: [text(words)] });
const assistant = (blocks: StoredBlock[], part: Partial<HistoryMessage> = {}): HistoryMessage => ({
  ...plain,
  role: 'assistant',
  blocks,
  model: 'm',
  ...part,
});
const done = (block: Extract<StoredBlock, { type: 'tool_use' }>, output: string): RunToolCall => ({
  ...newToolCall(block.turn, 0, block),
  status: 'completed',
  isError: false,
  output,
});
const turnOf = (turn: number, blocks: StoredBlock[], model = 'm'): RunTurn => ({
  turn,
  model,
  blocks,
  stopReason: 'tool_use',
  faults: null,
});
const nothing = { history: [], turns: [], calls: [], files: new Map() };
const past = (...messages: HistoryMessage[]) => conversation({ ...nothing, history: messages }, 'm', names);

describe('conversation', () => {
  it('gives each turn of an answer and its results in their order', () => {
    const [first, second] = [use('t1', 0), use('t2', 1)];
    const call = (id: string, turn: number) => ({
      id,
      name: 'calculator:add',
      input: {},
      status: 'completed' as const,
      isError: false,
      output: `result of ${id}`,
      durationMs: 1,
      turn,
    });
    const answer = assistant([text('Let me see'), first, second, text('It is 3', 2)], {
      toolCalls: [call('t2', 1), call('t1', 0)],
    });
    expect(past(user('1 + 2?'), answer)).toEqual([
      { role: 'user', content: [{ type: 'text', text: '1 + 2?' }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Let me see' },
          { type: 'tool_use', id: 't1', name: 'calculator__add', input: { a: 1 } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', toolUseId: 't1', content: 'result of t1', isError: false }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't2', name: 'calculator__add', input: { a: 1 } }] },
      { role: 'user', content: [{ type: 'tool_result', toolUseId: 't2', content: 'result of t2', isError: false }] },
      { role: 'assistant', content: [{ type: 'text', text: 'It is 3' }] },
    ]);
  });

  it('is the same for the steps of a run as for the message they become', () => {
    const block = use('t1');
    const steps = { turns: [turnOf(0, [block])], calls: [done(block, '3')] };
    const now = conversation({ ...nothing, history: [user('?')], ...steps }, 'm', names);
    const call = { ...done(block, '3'), id: 't1', files: undefined };
    expect(past(user('?'), assistant([block], { toolCalls: [call] }))).toEqual(now);
  });

  it('gives what a search found as passages, with the words for who can not cite', () => {
    const searched = { ...use('t1'), name: 'rag:search' };
    const passages = [{ chunkId: 'c', documentId: 'd', title: 'T', content: 'Words', page: 1, headingPath: ['H'] }];
    const output = JSON.stringify({ passages });
    const found = { ...done(searched, output), name: 'rag:search' };
    const steps = { turns: [turnOf(0, [searched])], calls: [found] };
    const now = conversation({ ...nothing, history: [user('?')], ...steps }, 'm', names);
    expect(now[2]?.content).toEqual([
      { type: 'tool_result', toolUseId: 't1', content: output, isError: false, passages },
    ]);
    const kept = { ...found, id: 't1', files: undefined };
    expect(past(user('?'), assistant([searched], { toolCalls: [kept] }))).toEqual(now);
  });

  it('answers calls that never came to a result, as providers demand', () => {
    const [, , results] = past(user('?'), assistant([use('t1'), use('t2')]));
    expect(results?.content).toEqual([
      expect.objectContaining({ toolUseId: 't1', isError: true, content: expect.stringContaining('cancelled') }),
      expect.objectContaining({ toolUseId: 't2', isError: true }),
    ]);
  });

  it('replays thinking to the model that thought it, and to no other', () => {
    const answer = [thinking('sig'), { type: 'redacted_thinking', data: 'xx', turn: 0 } as const, text('So')];
    const kinds = (model: string) =>
      conversation({ ...nothing, history: [user('?'), assistant(answer)] }, model, names)[1]?.content.map(
        (block) => block.type,
      );
    expect(kinds('m')).toEqual(['thinking', 'redacted_thinking', 'text']);
    expect(kinds('other')).toEqual(['text']);
  });

  it('leaves out thinking that was never signed, blank text, and messages in which nothing is left', () => {
    expect(past(user('?'), assistant([thinking(''), text(' \n')]), user('Well?'))).toEqual([
      { role: 'user', content: [{ type: 'text', text: '?' }] },
      { role: 'user', content: [{ type: 'text', text: 'Well?' }] },
    ]);
    expect(past(user('?'), assistant([]))).toHaveLength(1);
  });
});
