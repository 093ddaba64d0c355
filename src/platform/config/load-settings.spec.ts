import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Environment } from './environment.js';
import { BadSettings, loadSettings, OPTIONAL, readEnvironment } from './load-settings.js';

const DATA_DIR = mkdtempSync(join(tmpdir(), 'atrium-settings-'));
const SECRET = 'x'.repeat(32);
const EXAMPLE = readFileSync(join(import.meta.dirname, '../../../.env.example'), 'utf8');

afterAll(() => rmSync(DATA_DIR, { recursive: true }));

function faultsOf(variables: Record<string, string>): string[] {
  try {
    loadSettings({ DATA_DIR, ...variables });
    return [];
  } catch (error) {
    if (error instanceof BadSettings) return error.faults;
    throw error;
  }
}

describe('settings', () => {
  it('starts with nothing set, on the embedded database with made secrets that stay the same', () => {
    const first = loadSettings({ DATA_DIR });
    expect(first.database.url).toBeNull();
    expect(first.models.defaultModel).toBe('offline');
    expect(first.secrets.jwt[0]?.length).toBeGreaterThanOrEqual(32);
    expect(loadSettings({ DATA_DIR }).secrets).toEqual(first.secrets);
  });

  it('tells every fault at once, each naming its variable', () => {
    const faults = faultsOf({ PORT: 'eighty', ROLE: 'boss', JWT_SECRET: 'short', DATABASE_URL: 'mysql://x' });
    expect(faults).toHaveLength(4);
    for (const name of ['PORT', 'ROLE', 'JWT_SECRET', 'DATABASE_URL']) expect(faults.join('\n')).toContain(name);
  });

  it('demands both secrets in production, of full length', () => {
    expect(faultsOf({ NODE_ENV: 'production' })).toHaveLength(2);
    expect(faultsOf({ NODE_ENV: 'production', JWT_SECRET: SECRET, ENCRYPTION_KEY: 'short' })).toHaveLength(1);
    expect(faultsOf({ NODE_ENV: 'production', JWT_SECRET: SECRET, ENCRYPTION_KEY: SECRET })).toEqual([]);
  });

  it.each(['api', 'worker'])('refuses ROLE=%s without Redis', (ROLE) => {
    expect(faultsOf({ ROLE })).toEqual([expect.stringContaining('REDIS_URL')]);
  });

  it.each(['true', '2', 'loopback', '10.0.0.0/8, 192.168.1.1', 'fd00::/8'])('trusts the proxies %s', (TRUST_PROXY) => {
    expect(faultsOf({ TRUST_PROXY })).toEqual([]);
  });

  it.each(['maybe', '10.0.0.0/33', '1.2.3', 'loopback,', '::1/129'])('does not take %s for proxies', (TRUST_PROXY) => {
    expect(faultsOf({ TRUST_PROXY })).toEqual([expect.stringContaining('TRUST_PROXY')]);
  });

  it('reads the networks that may be reached', () => {
    const allowed = (EGRESS_ALLOW: string) => loadSettings({ DATA_DIR, EGRESS_ALLOW }).egress.allow;
    expect(allowed('10.0.0.0/8, fd00::/8,127.0.0.1')).toEqual(['10.0.0.0/8', 'fd00::/8', '127.0.0.1']);
    expect(allowed(' ')).toEqual([]);
  });

  it.each([
    'intranet',
    '10.0.0.0/33',
    '10.1',
    '10.0.0.0/8,',
    'fe80::1%eth0',
    '::1/129',
    '0x7f.0.0.1',
    '::ffff:10.0.0.0/8',
  ])('does not take %s for a network that may be reached', (EGRESS_ALLOW) => {
    expect(faultsOf({ EGRESS_ALLOW })).toEqual([expect.stringContaining('EGRESS_ALLOW')]);
  });

  it.each([
    ['BRAVE_SEARCH_API_KEY', 'two words'],
    ['BRAVE_SEARCH_API_KEY', 'BSA\nx: y'],
    ['BRAVE_SEARCH_API_KEY', 'Schlüssel'],
    ['BRAVE_SEARCH_URL', 'search.example.com'],
    ['BRAVE_SEARCH_URL', 'https://user:password@search.example.com/'],
  ])('does not take for %s %j, nor show it', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults).toEqual([expect.stringContaining(name)]);
    expect(faults[0]).not.toContain(value);
  });

  it('tells of a data folder that can not be', () => {
    const file = join(DATA_DIR, 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'in'), '/proc/nope']) {
      expect(faultsOf({ DATA_DIR: path })).toEqual([expect.stringContaining('DATA_DIR')]);
    }
  });

  it('takes a list of secrets, the first to sign', () => {
    const { secrets } = loadSettings({ DATA_DIR, JWT_SECRET: `${SECRET},${'y'.repeat(40)}` });
    expect(secrets.jwt).toEqual([SECRET, 'y'.repeat(40)]);
  });

  it('can not be changed afterwards', () => {
    const settings = loadSettings({ DATA_DIR });
    expect(() => Object.assign(settings.http, { port: 1 })).toThrow(TypeError);
  });

  it('names in .env.example what the environment has, and nothing else', () => {
    const named = [...EXAMPLE.matchAll(/^#?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual([...Object.keys(new Environment()), ...OPTIONAL].sort());
  });

  it('shows in .env.example the defaults as they are', () => {
    const shown = [...EXAMPLE.matchAll(/^([A-Z][A-Z0-9_]+)=(.*)$/gm)].map((match) => [match[1], match[2]]);
    const defaults = Object.entries(new Environment()).map(([name, value]) => [name, String(value)]);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(defaults));
  });

  it('reads .env, then the file of the environment, then the environment itself', () => {
    writeFileSync(join(DATA_DIR, '.env'), 'NODE_ENV=staging\nPORT=1\nHOST=a\nLOG_LEVEL=debug\n');
    writeFileSync(join(DATA_DIR, '.env.staging'), 'PORT=2\nHOST=b\n');
    expect(readEnvironment(DATA_DIR, { HOST: 'c' })).toEqual({
      NODE_ENV: 'staging',
      PORT: '2',
      HOST: 'c',
      LOG_LEVEL: 'debug',
    });
  });
});
