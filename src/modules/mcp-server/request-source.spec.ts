import { describe, expect, it } from '@jest/globals';
import { assertKnownSource } from './request-source.js';

const OPEN = { publicUrl: 'https://atrium.example.com', corsOrigins: ['https://app.example.com'], host: '0.0.0.0' };
const LOCAL = { ...OPEN, host: '127.0.0.1' };

describe('A request is let in', () => {
  it.each([
    ['from no page, under any name', OPEN, { host: 'atrium:3000' }],
    ['from a cluster', OPEN, { host: 'atrium.backend.svc.cluster.local' }],
    ['under our own name', OPEN, { host: 'Atrium.example.com' }],
    ['from our own pages', OPEN, { host: 'atrium:3000', origin: 'https://atrium.example.com' }],
    [
      'from a front end that the operator named',
      OPEN,
      { host: 'atrium.example.com', origin: 'https://app.example.com' },
    ],
    ['from a page under our address', OPEN, { host: '192.0.2.7:3000', origin: 'http://192.0.2.7:3000' }],
    [
      'from a page under our address of version 6',
      OPEN,
      { host: '[2001:db8::1]:3000', origin: 'http://[2001:db8::1]:3000' },
    ],
    ['from a page of this machine', LOCAL, { host: 'localhost:3000', origin: 'http://localhost:3000' }],
    ['by a proxy on this machine', LOCAL, { host: 'atrium.example.com' }],
    ['on this machine', LOCAL, { host: '[::1]:3000' }],
  ])('%s', (_what, rules, headers) => {
    expect(() => assertKnownSource(headers, rules)).not.toThrow();
  });
});

describe('A request is refused', () => {
  it.each([
    ['from a page elsewhere', OPEN, { host: 'atrium.example.com', origin: 'https://evil.example.com' }],
    ['from a page whose name leads to us', OPEN, { host: 'evil.example.com', origin: 'http://evil.example.com' }],
    ['from our host, but another port', OPEN, { host: '192.0.2.7:3000', origin: 'http://192.0.2.7:8080' }],
    ['from a part of our name', OPEN, { host: 'atrium.example.com', origin: 'https://evil.atrium.example.com' }],
    ['from a page without an origin', OPEN, { host: 'atrium.example.com', origin: 'null' }],
    ['from a page of a file', OPEN, { host: 'atrium.example.com', origin: 'file://' }],
    ['from what is no origin', OPEN, { host: 'atrium.example.com', origin: 'evil' }],
    ['under another name of this machine', LOCAL, { host: 'evil.example.com' }],
    ['that looks like it', LOCAL, { host: '127.0.0.1.evil.example.com' }],
    ['under a name that nobody has said', OPEN, { host: 'evil.example.com' }],
    ['under a name that begins like ours', OPEN, { host: 'atrium.example.com.evil.com' }],
    ['without a host', OPEN, {}],
    ['with a host that is none', OPEN, { host: 'a b' }],
  ])('%s', (_what, rules, headers) => {
    expect(() => assertKnownSource(headers, rules)).toThrow();
  });
});
