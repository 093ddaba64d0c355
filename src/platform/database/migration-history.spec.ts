import { describe, expect, it } from '@jest/globals';
import { parseMigration, type Migration } from './migration-files.js';
import { pendingMigrations, type AppliedMigration } from './migration-history.js';

const file = (name: string, sql = 'SELECT 1;') => parseMigration(name, sql);
const applied = ({ version, name, checksum }: Migration): AppliedMigration => ({ version, name, checksum });

describe('pendingMigrations', () => {
  const [first, second, third] = [file('0001_a'), file('0002_b'), file('0003_c')];

  it('leaves what comes after the applied ones, in order', () => {
    expect(pendingMigrations([first, second, third], [applied(first)])).toEqual([second, third]);
  });

  it('allows numbers that were never used', () => {
    expect(pendingMigrations([first, third], [applied(first)])).toEqual([third]);
  });

  it('refuses an applied migration that has no file', () => {
    expect(() => pendingMigrations([first], [applied(first), applied(second)])).toThrow(
      'The database has migration 0002_b, which this version of Atrium does not know',
    );
  });

  it('refuses a file whose text has changed', () => {
    const changed = file('0001_a', 'SELECT 2;');

    expect(() => pendingMigrations([changed], [applied(first)])).toThrow('Migration 0001_a has changed');
  });

  it('refuses a new file before the last applied one', () => {
    expect(() => pendingMigrations([first, second, third], [applied(first), applied(third)])).toThrow(
      'Migration 0002_b is older than others',
    );
  });
});
