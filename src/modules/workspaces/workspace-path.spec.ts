import { describe, expect, it } from '@jest/globals';
import { workspacePath } from './workspace-path.js';

describe('workspacePath', () => {
  it.each([
    ['a', ['a']],
    ['a/b.txt', ['a', 'b.txt']],
    ['.htaccess', ['.htaccess']],
    ['...', ['...']],
    ['%2e%2e/a', ['%2e%2e', 'a']],
    ['．．/ａ', ['．．', 'ａ']],
    ['C:/a', ['C:', 'a']],
    ['~/a', ['~', 'a']],
    ['x'.repeat(255), ['x'.repeat(255)]],
    [`${'a/'.repeat(63)}ab`, [...Array.from({ length: 63 }, () => 'a'), 'ab']],
  ])('takes %j as it is', (text, names) => {
    expect(workspacePath(text)).toEqual(names);
  });

  it.each([
    ...['', '/', '/a', 'a/', 'a//b', '.', '..', '../a', 'a/..', 'a/../b', 'a/./b', './a', 'a\\b', '..\\a', 'a\0', '\0'],
    'a\ud800',
    'x'.repeat(256),
    'é'.repeat(128),
    `${'a/'.repeat(64)}a`,
    `${`${'a'.repeat(250)}/`.repeat(5)}a`,
  ])('refuses %j', (text) => {
    expect(() => workspacePath(text)).toThrow(expect.objectContaining({ status: 422 }));
  });
});
