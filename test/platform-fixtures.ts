import { v7 } from 'uuid';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import type { Db } from '../src/platform/database/db.js';

/** Rows below the API, for tests of what the platform does with them. */

export function asSystem<Row>(db: Db, text: string, parameters: Record<string, unknown> = {}): Promise<Row[]> {
  return runAs(Actor.system('test'), () => db.systemSql<Row>(text, parameters));
}

export async function givenTenant(db: Db): Promise<string> {
  const id = v7();
  await runAs(Actor.system('test'), () =>
    db.run(async () => {
      await db.systemSql('INSERT INTO tenant_slugs (slug) VALUES (:id)', { id });
      await db.systemSql('INSERT INTO tenants (id, slug, name) VALUES (:id, :slug, :name)', {
        id,
        slug: id,
        name: 'T',
      });
    }),
  );
  return id;
}

/** A queued run, with the session it needs. */
export async function givenRun(db: Db, tenantId: string): Promise<string> {
  const [sessionId, runId, messageId] = [v7(), v7(), v7()];
  await runAs(Actor.job(tenantId), () =>
    db.run(async () => {
      await db.sql('INSERT INTO sessions (tenant_id, id) VALUES (:tenantId, :sessionId)', { sessionId });
      await db.sql(
        `INSERT INTO runs (tenant_id, id, session_id, message_id, trigger, model, pinned)
         VALUES (:tenantId, :runId, :sessionId, :messageId, 'message', 'offline', '{}')`,
        { runId, sessionId, messageId },
      );
    }),
  );
  return runId;
}

const WAIT_LIMIT_MS = 10_000;

/** Reads until what is read is as wanted. */
export async function eventually<T>(
  read: () => T | Promise<T>,
  wanted: (value: T) => boolean,
  withinMs = WAIT_LIMIT_MS,
): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (wanted(value)) return value;
    if (Date.now() > end) throw new Error(`Waited in vain, at last for ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
