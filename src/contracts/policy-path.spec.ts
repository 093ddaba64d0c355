import { describe, expect, it } from '@jest/globals';
import { policyPath } from './policy-path.js';

const INPUT = {
  url: 'a',
  items: [
    { kind: 'x', at: 1 },
    { kind: '*,?', deep: { url: 'b' } },
  ],
};

describe('A path of a policy', () => {
  it.each([
    ['$.url', ['a']],
    ["$['url']", ['a']],
    ['$..url', ['a', 'b']],
    ['$.items[*].kind', ['x', '*,?']],
    ['$.items[0:1].at', [1]],
    ["$.items[?@.kind == '*,?'].deep.url", ['b']],
    ["$.items[?@['kind'] == 'x' && @.at > 0 || length(@.kind) == 9].at", [1]],
    ["$.items[?@.kind == 'x'][*]", ['x', 1]],
    ["$..[?@.url == 'b'].url", ['b']],
  ])('%s selects what it says', (path, values) => {
    expect(policyPath(path).query(INPUT).values()).toEqual(values);
  });

  it.each([
    ['regular expressions', "$[?match(@, '(a+)+b')]"],
    ['regular expressions', "$[?search(@.a, '(a+)+b')]"],
    ['nodes that multiply', '$[*,*][*,*][*,*]'],
    ['nodes that multiply', '$..*..*..*'],
    ['a search within each node', '$[?@..a]'],
    ['a search within each node', '$..[?count(@.*) > 1]'],
    ['a search within each node', '$..[?$.items[0:2]]'],
    ['the whole input at each node', '$..[?$.a == $.b]'],
    ['the whole input at each node', '$..[?length($.a) > 2]'],
    ['a search within each node', '$..[?@[?@.a]]'],
    ['a search within each node', "$..a[?@['x'] == 'a'][?@.b]"],
  ])('may not ask for %s: %s', (_what, path) => {
    expect(() => policyPath(path)).toThrow();
  });
});
