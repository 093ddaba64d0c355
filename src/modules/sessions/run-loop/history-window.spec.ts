import { describe, expect, it } from '@jest/globals';
import type { ModelMessage } from '../../models/model-client.js';
import { estimateTokens, newestThatFit } from './history-window.js';

const said = (text: string): ModelMessage => ({ role: 'user', content: [{ type: 'text', text }] });
const answered = (text: string): ModelMessage => ({ role: 'assistant', content: [{ type: 'text', text }] });
const called: ModelMessage = { role: 'assistant', content: [{ type: 'tool_use', id: 't1', name: 'a', input: {} }] };
const resulted: ModelMessage = {
  role: 'user',
  content: [{ type: 'tool_result', toolUseId: 't1', content: 'x', isError: false }],
};

const conversation = [said('one'), answered('1'), said('two'), called, resulted, answered('2'), said('three')];
const tokensOf = (from: number): number => estimateTokens(conversation.slice(from));

describe('newestThatFit', () => {
  it('keeps everything where there is room', () => {
    expect(newestThatFit(conversation, 10_000)).toEqual(conversation);
  });

  it('drops whole exchanges, the oldest first, so that no result stands without its call', () => {
    expect(newestThatFit(conversation, tokensOf(2) + 2)).toEqual(conversation.slice(2));
    expect(newestThatFit(conversation, tokensOf(2) - 2)).toEqual([said('three')]);
  });

  it('keeps the last exchange whatever it takes, with the steps made since', () => {
    const steps = [...conversation, called, resulted];
    expect(newestThatFit(steps, 0)).toEqual([said('three'), called, resulted]);
  });

  it('begins with what a user wrote even where older messages were cut off', () => {
    expect(newestThatFit(conversation.slice(3), 10_000)).toEqual([said('three')]);
  });

  it('has nothing to choose from nothing', () => {
    expect(newestThatFit([], 100)).toEqual([]);
  });
});
