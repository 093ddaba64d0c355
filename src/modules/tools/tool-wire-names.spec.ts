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

  it('keeps apart a tool that is called as the hash of another would be, in whatever order they come', () => {
    const three = ['a:b__c', 'a:b__c_ce06b84b', 'a__b:c'];
    const plain = new WireNames(three);
    expect(three.map((name) => plain.fromWire(plain.toWire(name)))).toEqual(three);
    expect(plain.toWire('a:b__c_ce06b84b')).toBe('a__b__c_ce06b84b');
    // Called as what the third has got instead.
    const ours = [...three, plain.toWire('a__b:c').replace('__', ':')];
    const names = new WireNames(ours);
    expect(new Set(ours.map((name) => names.toWire(name))).size).toBe(4);
    for (const name of ours) expect(names.toWire(name)).toMatch(LEGAL);
    const turned = new WireNames([...ours].reverse());
    expect(ours.map((name) => turned.toWire(name))).toEqual(ours.map((name) => names.toWire(name)));
    expect(ours.map((name) => turned.fromWire(turned.toWire(name)))).toEqual(ours);
  });

  it('leaves a name the model made up as it is, there and back', () => {
    const names = new WireNames(['calculator:add']);
    expect(names.fromWire('calculator_add')).toBe('calculator_add');
    expect(names.toWire(names.fromWire('weather__of__today'))).toBe('weather__of__today');
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
