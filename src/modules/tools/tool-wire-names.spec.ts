import { describe, expect, it } from '@jest/globals';
import { WireNames } from './tool-wire-names.js';

const LEGAL = /^[a-zA-Z0-9_-]{1,64}$/;

describe('WireNames', () => {
  it('gives legal names and the way back', () => {
    const ours = [
      'calculator:add',
      'my-server:do.it/now',
      `server:${'x'.repeat(100)}`,
      'agent:Zusammenfasser für alles',
    ];
    const names = new WireNames(ours);
    for (const name of ours) {
      expect(names.toWire(name)).toMatch(LEGAL);
      expect(names.fromWire(names.toWire(name))).toBe(name);
    }
    expect(names.toWire('calculator:add')).toBe('calculator__add');
  });

  it('keeps apart what would become the same', () => {
    const ours = ['a:b.c', 'a:b/c', 'a:b_c', `s:${'y'.repeat(70)}1`, `s:${'y'.repeat(70)}2`];
    const names = new WireNames(ours);
    expect(new Set(ours.map((name) => names.toWire(name))).size).toBe(ours.length);
    expect(ours.map((name) => names.fromWire(names.toWire(name)))).toEqual(ours);
  });

  it('leaves a name the model made up as it is, there and back', () => {
    const names = new WireNames(['calculator:add']);
    expect(names.fromWire('calculator_add')).toBe('calculator_add');
    expect(names.toWire('calculator_add')).toBe('calculator_add');
  });

  it('calls a tool that is offered no more what it was called when it was', () => {
    const offered = new WireNames(['calculator:add', 'clock:now']);
    const later = new WireNames(['clock:now']);
    expect(later.toWire('calculator:add')).toBe(offered.toWire('calculator:add'));
  });

  it('does not give a tool of the past the name of one that is offered', () => {
    const names = new WireNames(['a:b_c']);
    expect(names.toWire('a:b.c')).not.toBe(names.toWire('a:b_c'));
    expect(names.toWire('a:b.c')).toMatch(LEGAL);
  });
});
