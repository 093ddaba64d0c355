import { Actor } from '../access/actor.js';
import { inScope, newScope } from '../access/scope.js';
import type { Db } from '../database/db.js';

/**
 * The prefix of this database's queues in Redis. Processes of another database on the same Redis would take our rings
 * and find no rows for them: each database has queues of its own.
 */
export async function queuePrefix(db: Db): Promise<string> {
  const [row] = await inScope(newScope({ actor: Actor.system('queue prefix') }), () =>
    db.systemSql<{ cluster: string; database: string }>(
      `SELECT system_identifier::text AS cluster, oid::text AS database
       FROM pg_control_system(), pg_database WHERE datname = current_database()`,
    ),
  );
  if (!row) throw new Error('The database does not know itself');
  return `atrium:${row.cluster}:${row.database}`;
}
