import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Actor } from '../src/platform/access/actor.js';
import { inScope, newScope } from '../src/platform/access/scope.js';
import { DatabaseGone } from '../src/platform/database/database-errors.js';
import type { Db } from '../src/platform/database/db.js';
import { queuePrefix } from '../src/platform/jobs/queue-prefix.js';
import { openTestDatabase } from './database.js';

type TestDatabase = Awaited<ReturnType<typeof openTestDatabase>>;

let [database, other]: TestDatabase[] = [];
let db: Db;

beforeAll(async () => {
  [database, other] = [await openTestDatabase(), await openTestDatabase()];
  db = database.db;
}, 60_000);
afterAll(async () => {
  await database?.close();
  await other?.close();
});

const asSystem = <T>(fn: () => Promise<T>) => inScope(newScope({ actor: Actor.system('test') }), fn);
const slugs = () => asSystem(() => db.systemSql<{ slug: string }>('SELECT slug FROM tenant_slugs'));
const take = (slug: string) => db.systemSql('INSERT INTO tenant_slugs (slug) VALUES (:slug)', { slug });

describe('A transaction that does not end in time', () => {
  it.each([
    ['because a statement gets no answer', () => db.systemSql('SELECT pg_sleep(1)')],
    ['because its own code does not go on', () => new Promise((resolve) => setTimeout(resolve, 300))],
  ])('is cut off, %s, and leaves nothing', async (_why, dawdle) => {
    const late = asSystem(() =>
      db.run(
        async () => {
          await take('late');
          await dawdle();
          await take('later');
        },
        { limitMs: 100 },
      ),
    );
    await expect(late).rejects.toBeInstanceOf(DatabaseGone);
    expect(await slugs()).toEqual([]);
  });

  it('costs the pool nothing', async () => {
    const dawdling = Array.from({ length: 20 }, () =>
      asSystem(() => db.run(() => new Promise((resolve) => setTimeout(resolve, 200)), { limitMs: 20 })),
    );
    const ends = await Promise.allSettled(dawdling);
    expect(ends.every(({ status }) => status === 'rejected')).toBe(true);
    await asSystem(() => take('in-time'));
    expect(await slugs()).toEqual([{ slug: 'in-time' }]);
  });
});

describe('A transaction', () => {
  it('has its statements carried out as they are, however dear they are taken to be', async () => {
    const jit = () => db.systemSql(`SELECT current_setting('jit') AS jit`);
    expect(await asSystem(jit)).toEqual([{ jit: 'off' }]);
    expect(await asSystem(() => db.run(jit))).toEqual([{ jit: 'off' }]);
  });
});

describe('A transaction that is ending', () => {
  it('takes nothing more, which would be carried out outside of it', async () => {
    let late: Promise<unknown> = Promise.resolve();
    const ended = asSystem(() =>
      db.run(() => {
        late = take('first').then(() => take('after the rollback'));
        return Promise.reject(new Error('something else went wrong'));
      }),
    );
    await expect(ended).rejects.toThrow('something else went wrong');
    await expect(late).rejects.toThrow(/ending|ended/);
    const early = asSystem(() =>
      db.run(async () => {
        db.commitNow();
        await take('after the commit');
      }),
    );
    await expect(early).rejects.toThrow('takes no statement any more');
    expect((await slugs()).map(({ slug }) => slug)).not.toContain('after the rollback');
    expect((await slugs()).map(({ slug }) => slug)).not.toContain('after the commit');
  });

  it('is undone when a statement before its COMMIT fails, and tells nobody', async () => {
    const told = jest.fn();
    const failing = asSystem(() =>
      db.run(async () => {
        db.afterCommit(told);
        const statements = Promise.all([take('undone'), db.systemSql('SELECT 1 / 0')]);
        db.commitNow();
        await statements;
      }),
    );
    await expect(failing).rejects.toThrow('division by zero');
    expect(told).not.toHaveBeenCalled();
    expect((await slugs()).map(({ slug }) => slug)).not.toContain('undone');
  });

  it('is told when it has committed, though its caller failed after that', async () => {
    const told = jest.fn();
    const failing = asSystem(() =>
      db.run(async () => {
        db.afterCommit(told);
        const taken = take('committed');
        db.commitNow();
        await taken;
        throw new Error('too late');
      }),
    );
    await expect(failing).rejects.toThrow('too late');
    expect(told).toHaveBeenCalledTimes(1);
    expect((await slugs()).map(({ slug }) => slug)).toContain('committed');
  });

  it('goes on after a part of it that would have ended it alone', async () => {
    await asSystem(() =>
      db.run(async () => {
        await db.run(async () => {
          const taken = take('inner');
          db.commitNowIfOutermost();
          await taken;
        });
        const taken = take('outer');
        db.commitNowIfOutermost();
        await taken;
      }),
    );
    expect((await slugs()).map(({ slug }) => slug)).toEqual(expect.arrayContaining(['inner', 'outer']));
  });
});

describe('The queues of a database', () => {
  it('are its own', async () => {
    const prefixes = [await queuePrefix(db), await queuePrefix(db), await queuePrefix(other!.db)];
    expect(prefixes[1]).toBe(prefixes[0]);
    if (process.env['TEST_DATABASE_URL']) expect(prefixes[2]).not.toBe(prefixes[0]);
  });
});
