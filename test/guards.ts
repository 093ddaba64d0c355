import pg from 'pg';
import { Db } from '../src/platform/database/db.js';
import { DatabaseServer } from '../src/platform/database/database-server.js';
import type { TestApp } from './app.js';

/** A statement as it was sent. */
export interface Sent {
  text: string;
  parameters: Record<string, unknown>;
  /** It is planned anew each time. */
  varies: boolean;
}

const CONDITION = /(?:\w+\.)?tenant_id = (?::tenantId|\w+\.tenant_id)/g;

/** What keeps tenants apart where knowledge is read: conditions of statements, and policies of tables. Each can be taken away. */
export class Guards {
  /** Statements about knowledge since `watch` was set to an empty list. */
  watch: Sent[] | null = null;
  private hasConditions = true;

  private constructor(private readonly app: TestApp) {
    const db = app.nest.get(Db);
    const send = db.sql.bind(db);
    const sql: Db['sql'] = (text, parameters, options) => {
      if (!text.includes('rag_')) return send(text, parameters, options);
      this.watch?.push({ text, parameters: parameters ?? {}, varies: options?.varies ?? false });
      const bare = text.replace(CONDITION, '(:tenantId::uuid IS NOT NULL)');
      return send(this.hasConditions ? text : bare, parameters, options);
    };
    Object.assign(db, { sql });
  }

  static of(app: TestApp): Guards {
    return new Guards(app);
  }

  conditions(are: 'on' | 'off'): void {
    this.hasConditions = are === 'on';
  }

  async policies(are: 'on' | 'off'): Promise<void> {
    const { MIGRATION_DATABASE_URL: connectionString } = this.app.store.environment;
    const client = new pg.Client(
      connectionString ? { connectionString } : this.app.nest.get(DatabaseServer).connection,
    );
    await client.connect();
    await client.query('SET ROLE atrium_owner');
    const verb = are === 'on' ? 'ENABLE' : 'DISABLE';
    await client.query(
      `DO $$ DECLARE name regclass; BEGIN
         FOR name IN SELECT oid FROM pg_class WHERE relname LIKE 'rag\\_%' AND relkind = 'r' LOOP
           EXECUTE format('ALTER TABLE %s ${verb} ROW LEVEL SECURITY', name);
         END LOOP; END $$`,
    );
    await client.query('RESET ROLE');
    await client.end();
  }
}
