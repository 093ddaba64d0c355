import type { Client } from 'pg';
import { MigrationFailed, SqlState, sqlState } from './migration-failed.js';

/** Owns all tables and runs the migrations. */
export const OWNER_ROLE = 'atrium_owner';
/** Owns the functions that search, and nothing else. */
const SEARCH_ROLE = 'atrium_search';
/** Works inside a tenant, and outside of any: see Db. */
const RUNTIME_ROLES = ['atrium_app', 'atrium_system'] as const;
/** What the migrating user acts as. */
const MIGRATION_ROLES = [OWNER_ROLE, SEARCH_ROLE] as const;
const ROLES = [...MIGRATION_ROLES, ...RUNTIME_ROLES] as const;

const ATTEMPTS = 10;

interface Server {
  migrator: string;
  database: string;
  versionNum: number;
}

/**
 * Roles belong to the whole cluster: they may be there already, made by somebody else, or be made at this moment by a
 * process that migrates another database. Everything that is already as it should be is left alone, so that a user
 * without rights over the roles can migrate once somebody else has prepared them.
 */
export async function prepareRoles(client: Client, runtimeUser: string | undefined): Promise<void> {
  const server = await describeServer(client);
  const user = runtimeUser ?? server.migrator;
  await despiteOthers(async () => {
    await createRoles(client, server);
    await allowSetRole(client, server, server.migrator, MIGRATION_ROLES);
    await allowSetRole(client, server, user, RUNTIME_ROLES);
  });
  await openSchema(client, server);
  await openDatabase(client, server, user);
}

async function describeServer(client: Client): Promise<Server> {
  const { rows } = await client.query<Server>(`
    SELECT current_user AS migrator, current_database() AS database,
           current_setting('server_version_num')::int AS "versionNum"`);
  const [server] = rows;
  if (!server || server.versionNum < 150_000) throw new MigrationFailed('Atrium needs Postgres 15 or newer');
  return server;
}

async function createRoles(client: Client, { migrator }: Server): Promise<void> {
  const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)', [
    ROLES,
  ]);
  const missing = ROLES.filter((role) => !rows.some(({ rolname }) => rolname === role));
  const statements = missing.map((role) => `CREATE ROLE ${role} NOLOGIN`);
  const grant = `GRANT ${ROLES.join(', ')} TO ${client.escapeIdentifier(migrator)} WITH ADMIN OPTION`;
  for (const statement of statements) {
    await unlessForbidden(
      () => client.query(statement),
      `The database user "${migrator}" may not create roles; run as superuser: ${[...statements, grant].join('; ')}`,
    );
  }
}

async function allowSetRole(client: Client, server: Server, user: string, roles: readonly string[]): Promise<void> {
  // Until 16 whoever is a member may SET ROLE; since then the membership says so.
  const [privilege, options] = server.versionNum >= 160_000 ? ['SET', ' WITH INHERIT FALSE, SET TRUE'] : ['MEMBER', ''];
  const grantee = client.escapeIdentifier(user);
  for (const role of roles) {
    const { rows } = await client
      .query<{ allowed: boolean }>('SELECT pg_has_role($1::name, $2::name, $3) AS allowed', [user, role, privilege])
      .catch((error: unknown) => {
        if (sqlState(error) !== SqlState.undefinedObject) throw error;
        throw new MigrationFailed(`The database user "${user}" of DATABASE_URL does not exist on the migrated server`);
      });
    if (rows[0]?.allowed) continue;
    await unlessForbidden(
      () => client.query(`GRANT ${role} TO ${grantee}${options}`),
      `The database user "${server.migrator}" may not grant ${role}; run as superuser: GRANT ${roles.join(', ')} TO ${grantee}${options}`,
    );
  }
}

async function openSchema(client: Client, { migrator, database }: Server): Promise<void> {
  const grants = [
    ...MIGRATION_ROLES.map((role) => ({ role, privilege: 'CREATE' })),
    ...ROLES.map((role) => ({ role, privilege: 'USAGE' })),
  ];
  for (const { role, privilege } of grants) {
    if (await allowed(client, `has_schema_privilege($1, 'public', $2)`, [role, privilege])) continue;
    const grant = `GRANT ${privilege} ON SCHEMA public TO ${role}`;
    const forbidden = `The database user "${migrator}" does not own the database "${database}"; run as superuser in it: ${grant}`;
    await unlessForbidden(() => client.query(grant), forbidden);
    // Postgres only warns when the grantor has the privilege without the right to pass it on.
    if (!(await allowed(client, `has_schema_privilege($1, 'public', $2)`, [role, privilege]))) {
      throw new MigrationFailed(forbidden);
    }
  }
}

async function openDatabase(client: Client, { migrator, database }: Server, user: string): Promise<void> {
  if (await allowed(client, `has_database_privilege($1, $2, 'CONNECT')`, [user, database])) return;
  const grant = `GRANT CONNECT ON DATABASE ${client.escapeIdentifier(database)} TO ${client.escapeIdentifier(user)}`;
  await unlessForbidden(
    () => client.query(grant),
    `The database user "${migrator}" does not own the database "${database}"; run as superuser: ${grant}`,
  );
}

async function allowed(client: Client, check: string, values: string[]): Promise<boolean> {
  const { rows } = await client.query<{ allowed: boolean }>(`SELECT ${check} AS allowed`, values);
  return rows[0]?.allowed ?? false;
}

async function unlessForbidden(step: () => Promise<unknown>, advice: string): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (sqlState(error) === SqlState.insufficientPrivilege) throw new MigrationFailed(advice);
    throw error;
  }
}

/** Each attempt finds more of the work done by the process that was in the way. */
async function despiteOthers(work: () => Promise<void>): Promise<void> {
  const expected: readonly (string | undefined)[] = [
    SqlState.duplicateObject,
    SqlState.uniqueViolation,
    SqlState.internalError,
  ];
  for (let attempt = 1; ; attempt++) {
    try {
      await work();
      return;
    } catch (error) {
      if (attempt === ATTEMPTS || !expected.includes(sqlState(error))) throw error;
    }
  }
}
