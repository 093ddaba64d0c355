import { describe, expect, it } from '@jest/globals';
import { SealBroken, Sealing } from './sealing.js';

const OLD = 'an older key that has served its time';
const NEW = 'the key that is in use since yesterday';
const PLACE = 'tenant:hook:1';

describe('Sealing', () => {
  it.each(['whsec_abc', '', 'ключ 🔑', 'x'.repeat(100_000)])('opens what it sealed', (text) => {
    const sealing = new Sealing([NEW]);
    expect(sealing.open(sealing.seal(text, PLACE), PLACE)).toBe(text);
  });

  it('seals the same text differently each time, and shows nothing of it', () => {
    const sealing = new Sealing([NEW]);
    const sealed = new Set(Array.from({ length: 100 }, () => sealing.seal('password', PLACE)));
    expect(sealed.size).toBe(100);
    for (const value of sealed) {
      expect(value).toMatch(/^v1\.[0-9a-f]{8}\.[\w-]+$/);
      expect(Buffer.from(value.split('.')[2] ?? '', 'base64url').includes('password')).toBe(false);
    }
  });

  it('opens with any key of the list and seals with the first', () => {
    const before = new Sealing([OLD]).seal('kept', PLACE);
    const rotated = new Sealing([NEW, OLD]);
    expect(rotated.open(before, PLACE)).toBe('kept');
    const after = rotated.seal('made', PLACE);
    expect(new Sealing([NEW]).open(after, PLACE)).toBe('made');
    expect(() => new Sealing([NEW]).open(before, PLACE)).toThrow(SealBroken);
  });

  it('does not open in another place', () => {
    const sealing = new Sealing([NEW]);
    const sealed = sealing.seal('secret', 'tenant-a:hook:1');
    for (const place of ['tenant-b:hook:1', 'tenant-a:hook:2', 'tenant-a:server:1', ''])
      expect(() => sealing.open(sealed, place)).toThrow(SealBroken);
  });

  it('does not open what was changed, cut or made up', () => {
    const sealing = new Sealing([NEW]);
    const sealed = sealing.seal('secret', PLACE);
    const [version, key, data = ''] = sealed.split('.');
    const bytes = Buffer.from(data, 'base64url');
    const flipped = [...bytes.keys()].map((at) => {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      return `${version}.${key}.${changed.toString('base64url')}`;
    });
    const others = ['', 'secret', `v2.${key}.${data}`, `v1.00000000.${data}`, `v1.${key}.`, sealed.slice(0, -8)];
    for (const wrong of [...flipped, ...others]) expect(() => sealing.open(wrong, PLACE)).toThrow(SealBroken);
  });
});
