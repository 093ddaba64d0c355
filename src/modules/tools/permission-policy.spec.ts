import { describe, expect, it } from '@jest/globals';
import type { PermissionPolicy, PolicyAction } from '../../contracts/permission-policy.js';
import { decide } from './permission-policy.js';

const rule = (action: PolicyAction, tool: string, args?: Record<string, string>): PermissionPolicy => ({
  default: 'allow',
  rules: [{ tool, action, ...(args ? { arguments: args } : {}) }],
});

describe('decide', () => {
  it('takes the first matching rule of a level, else its default', () => {
    const policy: PermissionPolicy = {
      default: 'ask',
      rules: [
        { tool: 'files:read*', action: 'allow' },
        { tool: 'files:*', action: 'deny' },
        { tool: 'files:readSecret', action: 'deny' },
      ],
    };
    expect(decide('files:readSecret', {}, [policy])).toBe('allow');
    expect(decide('files:write', {}, [policy])).toBe('deny');
    expect(decide('web:get', {}, [policy])).toBe('ask');
  });

  it('takes the strictest of all levels, in whatever order', () => {
    const [allow, ask, deny] = [rule('allow', '*'), rule('ask', '*'), rule('deny', '*')];
    expect(decide('web:get', {}, [allow, ask])).toBe('ask');
    expect(decide('web:get', {}, [deny, ask, allow])).toBe('deny');
    expect(decide('web:get', {}, [allow, deny])).toBe('deny');
    expect(decide('web:get', {}, [])).toBe('allow');
  });

  it('adds nothing for a level without default or rules', () => {
    expect(decide('web:get', {}, [{}, { rules: [] }])).toBe('allow');
    expect(decide('web:get', {}, [{ default: 'ask' }, {}])).toBe('ask');
  });

  it.each(['calculator:add', 'clock:now', 'rag:search', 'client:anything'])('lets no default stop %s', (tool) => {
    expect(decide(tool, {}, [{ default: 'deny' }, { default: 'ask' }])).toBe('allow');
    expect(decide(tool, {}, [{ default: 'allow', rules: [{ tool: '*', action: 'deny' }] }])).toBe('deny');
  });

  it.each(['rag:searchAll', 'calculators:add', 'my-client:x', 'xclock:now'])(
    'lets a default stop %s, which only looks like it',
    (tool) => {
      expect(decide(tool, {}, [{ default: 'deny' }])).toBe('deny');
    },
  );
});

describe('decide by arguments', () => {
  it('gives up on what takes too long', () => {
    const paths = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`$.a${index}`, '*']));
    const input = Object.fromEntries(Object.keys(paths).map((path) => [path.slice(2), 1]));
    const rules = [{ tool: '*', arguments: paths, action: 'allow' as const }];
    let time = 0;
    const slow = () => (time += 40);
    expect(() => decide('server:tool', input, [{ rules }], slow)).toThrow('too long');
    expect(decide('server:tool', input, [{ rules, default: 'deny' }])).toBe('allow');
  });

  const input = { path: 'docs/a.md', depth: 2, deep: [{ host: 'a.example' }, { host: 'evil.example' }], flag: null };

  it.each<[string, Record<string, string>]>([
    ['a text', { '$.path': 'docs/*' }],
    ['a number as JSON writes it', { '$.depth': '2' }],
    ['null', { '$.flag': 'null' }],
    ['any of several values', { '$.deep[*].host': 'evil.*' }],
    ['a value at any depth', { '$..host': 'a.example' }],
    ['all of them', { '$.path': '*.md', '$.depth': '2' }],
  ])('matches %s', (_what, args) => {
    expect(decide('files:read', input, [rule('deny', 'files:*', args)])).toBe('deny');
  });

  it.each<[string, Record<string, string>]>([
    ['a value that is not there', { '$.nothing': '*' }],
    ['one of two that fails', { '$.path': 'docs/*', '$.depth': '3' }],
    ['part of a text', { '$.path': 'docs' }],
  ])('does not match %s', (_what, args) => {
    expect(decide('files:read', input, [rule('deny', 'files:*', args)])).toBe('allow');
  });
});
