import { describe, expect, it } from '@jest/globals';
import type { FileBlock, ModelMessage } from '../../models/model-client.js';
import { estimateTokens } from '../../models/token-estimate.js';
import type { HistoryMessage } from '../messages/messages.repository.js';
import { newestHistory, newestThatFit, tokensOf as sizeOf } from './history-window.js';

const said = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const answered = (text: string): ModelMessage => ({ role: 'assistant', content: [{ type: 'text', text }] });
const called: ModelMessage = { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'a', input: {} }] };
const resulted: ModelMessage = {
  role: 'user',
  content: [{ type: 'tool_result', toolUseId: 't1', content: 'x', isError: false }],
};

const conversation = [said('one'), answered('1'), said('two'), called, resulted, answered('2'), said('three')];
const tokensOf = (from: number): number => newestThatFit(conversation.slice(from), 10_000).tokens;
const kept = (messages: ModelMessage[], tokens: number): ModelMessage[] => newestThatFit(messages, tokens).messages;

describe('newestThatFit', () => {
  it('keeps everything where there is room', () => {
    expect(kept(conversation, 10_000)).toEqual(conversation);
  });

  it('drops whole exchanges, the oldest first, so that no result stands without its call', () => {
    expect(kept(conversation, tokensOf(2) + 2)).toEqual(conversation.slice(2));
    expect(kept(conversation, tokensOf(2) - 2)).toEqual([said('three')]);
  });

  it('keeps the last exchange whatever it takes, with the steps made since', () => {
    const steps = [...conversation, called, resulted];
    expect(kept(steps, 0)).toEqual([said('three'), called, resulted]);
  });

  it('begins with what a user wrote even where older messages were cut off', () => {
    expect(kept(conversation.slice(3), 10_000)).toEqual([said('three')]);
  });

  it('counts files by what they take of a prompt, and begins with a message of files alone', () => {
    const file = { type: 'image', name: 'a.png', tokens: 1000 } as FileBlock;
    const shown: ModelMessage = { role: 'user', content: [file] };
    const talk = [shown, answered('1'), said('two')];
    const tokens = newestThatFit(talk, 10_000).tokens - 1000;
    expect(kept(talk, tokens + 990)).toEqual([said('two')]);
    expect(kept(talk, tokens + 1010)).toEqual(talk);
  });

  it('takes text for at least as long as it is when it is sent', () => {
    const talk = [said('three words more'), answered('and an answer')];
    expect(newestThatFit(talk, 10_000).tokens).toBeGreaterThanOrEqual(estimateTokens(JSON.stringify(talk)) - 10);
  });

  it('takes a character of a script without spaces for a token', () => {
    const talk = [said('交货单列出了九个箱子。'.repeat(100)), answered('知道了。'.repeat(100)), said('谢谢')];
    expect(newestThatFit(talk, 10_000).tokens).toBeGreaterThanOrEqual(1_502);
    expect(kept(talk, 1_400)).toEqual([said('谢谢')]);
  });

  it('has nothing to choose from nothing', () => {
    expect(kept([], 100)).toEqual([]);
  });
});

describe('newestHistory', () => {
  const message = (role: HistoryMessage['role'], text: string): HistoryMessage => ({
    ...{ position: 1, role, blocks: [{ type: 'text', text }], toolCalls: [], model: null, summarizes: null },
  });
  const history = [
    message('system', 'summary'),
    ...['one', 'two', 'three'].flatMap((text) => [message('user', text), message('assistant', text)]),
  ];
  const size = (...messages: (HistoryMessage | undefined)[]) =>
    messages.reduce((total, each) => total + (each ? sizeOf(each) : 0), 0);

  it('keeps the summary and the newest exchanges', () => {
    expect(newestHistory(history, 10_000)).toEqual(history);
    expect(newestHistory(history, size(history[0], ...history.slice(3)))).toEqual([history[0], ...history.slice(3)]);
  });

  it('counts all that is sent again: words, thinking with its signature, calls and results, files', () => {
    const thinking = { type: 'thinking' as const, text: 'Hmm', signature: 's'.repeat(3_000) };
    const call = { type: 'tool_use' as const, id: 't1', name: 'a', input: { text: 'x'.repeat(600) } };
    const output = '箱'.repeat(500);
    const answer: HistoryMessage = {
      ...message('assistant', 'So'),
      blocks: [thinking, call, { type: 'text' as const, text: 'So' }].map((block) => ({ ...block, turn: 0 })),
      toolCalls: [{ output } as HistoryMessage['toolCalls'][number]],
    };
    const sent = newestThatFit(
      [
        { role: 'user', content: [{ type: 'text', text: '' }] },
        { role: 'assistant', content: [thinking, call] },
        { role: 'user', content: [{ type: 'tool_result', toolUseId: 't1', content: output, isError: false }] },
        answered('So'),
      ],
      10_000,
    ).tokens;
    expect(sizeOf(answer)).toBeGreaterThanOrEqual(1_700);
    expect(Math.abs(sent - sizeOf(answer))).toBeLessThan(60);
  });

  it('keeps the summary and the newest exchange whatever they take', () => {
    expect(newestHistory(history, 0)).toEqual([history[0], ...history.slice(5)]);
    expect(newestHistory(history.slice(1), -5)).toEqual(history.slice(5));
    expect(newestHistory([], 0)).toEqual([]);
  });
});
