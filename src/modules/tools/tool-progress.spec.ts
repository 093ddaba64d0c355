import { describe, expect, it } from '@jest/globals';
import { storableProgress } from './tool-progress.js';

describe('storableProgress', () => {
  it('keeps what a tool says of itself, and nothing else', () => {
    const said = { progress: 1, total: 3, message: 'One of three 😀', more: '\u0000' };
    expect(storableProgress(said)).toEqual({ progress: 1, total: 3, message: 'One of three 😀' });
    expect(storableProgress({ progress: 0.5 })).toEqual({ progress: 0.5 });
  });

  it('cuts and cleans the message', () => {
    expect(storableProgress({ progress: 1, message: 'a\u0000b\ud83d!' })?.message).toBe('ab\ufffd!');
    expect(storableProgress({ progress: 1, message: 'x'.repeat(2_000) })?.message).toBe('x'.repeat(1_000));
    expect(storableProgress({ progress: 1, message: `${'x'.repeat(999)}😀` })?.message).toBe(
      `${'x'.repeat(999)}\ufffd`,
    );
  });

  it.each([Infinity, NaN])('leaves out a total of %s, and takes no such progress', (number) => {
    expect(storableProgress({ progress: 1, total: number })).toEqual({ progress: 1 });
    expect(storableProgress({ progress: number, total: 3, message: 'Soon' })).toBeNull();
  });
});
