import { describe, expect, it } from '@jest/globals';
import { concurrentIndex, parseMigration } from './migration-files.js';

describe('parseMigration', () => {
  it('takes number and name from the file name', () => {
    expect(parseMigration('0042_more_things', 'SELECT 1;')).toMatchObject({ version: 42, name: '0042_more_things' });
  });

  it.each(['42_short', '0042-dash', '0042_Capital', '0042'])('refuses the name %s', (name) => {
    expect(() => parseMigration(name, 'SELECT 1;')).toThrow(`Migration ${name} must be called NNNN_name.sql`);
  });

  it('gives a file one checksum whatever its line ends', () => {
    const [unix, windows] = [parseMigration('0001_a', 'SELECT 1;\n'), parseMigration('0001_a', 'SELECT 1;\r\n')];

    expect(windows.checksum).toBe(unix.checksum);
  });

  it('runs a file in a transaction unless its first line says otherwise', () => {
    expect(parseMigration('0001_a', 'SELECT 1;\n-- no-transaction\n').transactional).toBe(true);
    expect(parseMigration('0001_a', '-- no-transaction\nVACUUM;').transactional).toBe(false);
  });

  it('finds the index that is built concurrently', () => {
    const sql = '-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS things_name\n  ON things (name);';

    expect(concurrentIndex(parseMigration('0001_a', sql))).toBe('things_name');
  });

  it('refuses a concurrent index that could not be repeated', () => {
    const sql = '-- no-transaction\nCREATE INDEX CONCURRENTLY things_name ON things (name);';

    expect(() => parseMigration('0001_a', sql)).toThrow('must say CREATE INDEX CONCURRENTLY IF NOT EXISTS');
  });
});
