import { describe, expect, it } from '@jest/globals';
import { EventBudget, MESSAGE_BYTES, RateBudget, SizeBudget } from './answer-budget.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const filled = (count: number): Uint8Array => new Uint8Array(count).fill(0x78);
const MEGABYTE = 1024 * 1024;

describe('What is read of a server', () => {
  it('is an answer up to its size', () => {
    const budget = new SizeBudget();
    expect(budget.take(filled(MESSAGE_BYTES))).toBe(true);
    expect(budget.take(filled(1))).toBe(false);
  });

  it.each(['\n\n', '\r\n\r\n', '\r\r'])('is one event after another, each up to its size, ended by %j', (end) => {
    const budget = new EventBudget();
    for (let n = 0; n < 3; n++) {
      expect(budget.take(filled(6 * MEGABYTE))).toBe(true);
      expect(budget.take(bytes(`${end}data: `))).toBe(true);
    }
    expect(budget.take(filled(6 * MEGABYTE))).toBe(true);
    expect(budget.take(filled(6 * MEGABYTE))).toBe(false);
  });

  it('knows the end of an event that comes in two pieces', () => {
    const budget = new EventBudget();
    expect(budget.take(filled(9 * MEGABYTE))).toBe(true);
    expect(budget.take(bytes('\n'))).toBe(true);
    expect(budget.take(bytes('\n'))).toBe(true);
    expect(budget.take(filled(9 * MEGABYTE))).toBe(true);
  });

  it('is no event that goes on line after line', () => {
    const budget = new EventBudget();
    const line = bytes(`data: ${'x'.repeat(MEGABYTE)}\n`);
    const taken = Array.from({ length: 12 }, () => budget.take(line));
    expect(taken).toContain(false);
  });

  it('is not without end, however small its parts', () => {
    const budget = new RateBudget();
    const taken = Array.from({ length: 40 }, () => budget.take(MEGABYTE));
    expect(taken.filter(Boolean)).toHaveLength(32);
  });
});
