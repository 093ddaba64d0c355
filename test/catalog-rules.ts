import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';

const MIGRATIONS = join(import.meta.dirname, '..', 'migrations');

/** Tables whose rows are of no single tenant, each for a reason. Whatever else lacks `tenant_id` is a fault. */
const WITHOUT_TENANT: Record<string, string> = {
  tenants: 'its id is the tenant',
  tenant_slugs: 'names stay taken when their tenant is gone',
  users: 'a person may belong to several tenants',
  schema_migrations: 'the history of the database itself, out of reach for both roles of the application',
};

/** References that leave the tenant, each for a reason. */
const FOREIGN_KEYS_OUT: Record<string, string> = {
  'memberships.user_id': 'a membership is what ties a person to a tenant',
};

/** What works before the tenant is known. At most five, see DESIGN 2.2. */
const LOOKUPS = [
  'atrium_user_by_email(text)',
  'atrium_token_session(uuid)',
  'atrium_api_key(text)',
  'atrium_one_time_code(text)',
];

/** What searches a tenant by operators that use no index under its policy, see DESIGN 2.13. */
const SEARCHES = ['atrium_search_sessions(text,timestamp with time zone)', 'atrium_search_messages(uuid,text)'];

/** What makes tables of vectors and their indexes, which only their owner may, see docs/adr. */
const MAKERS = ['atrium_vector_table(integer,integer)', 'atrium_vector_index(integer,integer)'];

/** What a system actor has the owner do. */
const CARETAKERS = ['atrium_analyze_knowledge()'];

/** Some of those that it makes. */
export const VECTOR_TABLES = [
  { dimensions: 3, bucket: 0, name: 'rag_vectors_3' },
  { dimensions: 3, bucket: 1, name: 'rag_vectors_3_1' },
];

/** What they may read, in columns. */
const SEARCHED = ['sessions', 'messages'];

/** Reads and changes no data, and may be called by the application. */
const PURE = [
  ...['atrium_words(text)', 'atrium_search_vector(uuid,text)', 'atrium_search_query(uuid,text)'],
  'atrium_end_without_client()',
];

/** The look-ups run as the owner, who is held by FORCE ROW LEVEL SECURITY as anybody, and may read these for them. */
const LOOKED_UP = ['users', 'tenants', 'memberships', 'token_sessions', 'api_keys', 'mcp_oauth_flows'];

/** Policies of atrium_app on tables of no tenant. */
const SPECIAL_POLICIES = ['tenants.tenant', 'users.tenant', 'users.newcomer'];

/** Where a role may use a part of a table. Password hashes are written and never read; nobody is made superadmin. */
const COLUMN_GRANTS = [
  'idempotency_keys atrium_system UPDATE resource_id',
  'idempotency_keys atrium_system UPDATE status',
  'messages atrium_search SELECT created_at',
  'messages atrium_search SELECT deleted_at',
  'messages atrium_search SELECT id',
  'messages atrium_search SELECT search',
  'messages atrium_search SELECT session_id',
  'messages atrium_search SELECT tenant_id',
  'rag_garbage atrium_app UPDATE created_at',
  'sessions atrium_search SELECT deleted_at',
  'sessions atrium_search SELECT id',
  'sessions atrium_search SELECT search',
  'sessions atrium_search SELECT tenant_id',
  'sessions atrium_search SELECT title',
  'tenants atrium_app UPDATE disabled_tools',
  'tenants atrium_app UPDATE metadata',
  'tenants atrium_app UPDATE name',
  'tenants atrium_app UPDATE permission_policy',
  'tenants atrium_app UPDATE updated_at',
  'users atrium_app INSERT email',
  'users atrium_app INSERT id',
  'users atrium_app INSERT name',
  'users atrium_app INSERT password_hash',
  'users atrium_app SELECT created_at',
  'users atrium_app SELECT email',
  'users atrium_app SELECT id',
  'users atrium_app SELECT name',
];

/** Grants that no migration gives by `atrium_tenant_table` or `atrium_system_reach`. */
const PLAIN_GRANTS = [
  'tenants atrium_app SELECT',
  ...VECTOR_TABLES.flatMap(({ name }) =>
    ['SELECT', 'INSERT', 'UPDATE', 'DELETE'].map((verb) => `${name} atrium_app ${verb}`),
  ),
];

const TENANT_IS_CURRENT = "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";

/** Everything of ours: no system schema, nothing that an extension brought. */
const TABLES = `
  SELECT c.oid, c.relname::text AS name, c.relkind, c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
         c.reloptions, t.attnum AS tenant_att, t.atttypid, t.attnotnull
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  LEFT JOIN pg_attribute t ON t.attrelid = c.oid AND t.attname = 'tenant_id' AND NOT t.attisdropped
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')`;

const FUNCTIONS = `
  SELECT p.oid, p.oid::regprocedure::text AS name, p.prosecdef, p.proconfig, p.proowner
  FROM pg_proc p
  JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  WHERE NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`;

const POLICIES = `
  SELECT t.name || '.' || p.polname AS name, t.name AS table_name, p.polname, p.polcmd, p.polpermissive,
         t.tenant_att IS NOT NULL AS of_tenant,
         pg_get_expr(p.polqual, p.polrelid) AS using_expr, pg_get_expr(p.polwithcheck, p.polrelid) AS check_expr,
         ARRAY(SELECT coalesce(r.rolname::text, 'PUBLIC')
               FROM unnest(p.polroles) AS of(role) LEFT JOIN pg_roles r ON r.oid = of.role ORDER BY 1) AS roles
  FROM pg_policy p JOIN (${TABLES}) t ON t.oid = p.polrelid`;

const FAULTS: Record<string, { sql: string; values?: unknown[] }> = {
  'every table holds its rows back, from its owner too': {
    sql: `SELECT name || ' lacks ENABLE or FORCE ROW LEVEL SECURITY' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity) AND name <> 'schema_migrations'`,
  },
  'every table is of a tenant, or is on the list': {
    sql: `SELECT name || ' has no tenant_id' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p') AND tenant_att IS NULL AND name <> ALL ($1)
          UNION ALL
          SELECT name || '.tenant_id is no uuid NOT NULL' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p') AND tenant_att IS NOT NULL AND NOT (attnotnull AND atttypid = 'uuid'::regtype)
          UNION ALL
          SELECT name || ' is on the list and does not exist' FROM unnest($1::text[]) AS listed(name)
          WHERE to_regclass(name) IS NULL`,
    values: [Object.keys(WITHOUT_TENANT)],
  },
  'what a view shows is checked by the rights of who asks': {
    sql: `SELECT name || ' is a view of its owner''s rights' FROM (${TABLES}) t
          WHERE relkind IN ('m', 'f') OR relkind = 'v' AND NOT coalesce(reloptions, '{}') && '{security_invoker=true,security_invoker=on}'`,
  },
  'atrium_app sees its tenant, by one policy, and no more': {
    sql: `SELECT t.name || ' has no tenant policy' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p') AND tenant_att IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM (${POLICIES}) p
            WHERE p.table_name = t.name AND p.roles = '{atrium_app}' AND p.polcmd = '*' AND p.polpermissive
              AND p.using_expr = $1 AND p.check_expr = $1)
          UNION ALL
          SELECT name || ' lets atrium_app past the tenant' FROM (${POLICIES}) p
          WHERE 'atrium_app' = ANY (roles) AND name <> ALL ($2) AND NOT (of_tenant AND using_expr = $1 AND check_expr = $1)`,
    values: [TENANT_IS_CURRENT, SPECIAL_POLICIES],
  },
  'no policy is for everybody': {
    sql: `SELECT name || ' is for ' || array_to_string(roles, ', ') FROM (${POLICIES}) p
          WHERE NOT (roles <@ '{atrium_app,atrium_system}' OR roles = '{atrium_owner}' AND polcmd = 'r' AND table_name = ANY ($1)
            OR roles = '{atrium_search}' AND polcmd = 'r' AND table_name = ANY ($2))`,
    values: [LOOKED_UP, SEARCHED],
  },
  'foreign keys stay in the tenant': {
    sql: `SELECT format('%s (%s) → %s leaves the tenant', t.name, columns.names, target.name)
          FROM pg_constraint k
          JOIN (${TABLES}) t ON t.oid = k.conrelid
          JOIN (${TABLES}) target ON target.oid = k.confrelid
          CROSS JOIN LATERAL (
            SELECT string_agg(a.attname, ', ' ORDER BY array_position(k.conkey, a.attnum)) AS names
            FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) columns
          WHERE k.contype = 'f' AND CASE
            WHEN target.name = 'tenants' THEN k.conkey <> ARRAY[t.tenant_att]
            WHEN target.tenant_att IS NOT NULL
              THEN t.tenant_att IS NULL OR k.conkey[1] <> t.tenant_att OR k.confkey[1] <> target.tenant_att
            ELSE t.tenant_att IS NOT NULL AND t.name || '.' || columns.names <> ALL ($1) END
          UNION ALL
          SELECT format('%s would set its tenant_id null', k.conname)
          FROM pg_constraint k JOIN (${TABLES}) t ON t.oid = k.conrelid
          WHERE k.contype = 'f' AND k.confdeltype IN ('n', 'd')
            AND t.tenant_att = ANY (coalesce(k.confdelsetcols, k.conkey))`,
    values: [Object.keys(FOREIGN_KEYS_OUT)],
  },
  'all rows of a tenant go with it': {
    sql: `WITH RECURSIVE going (oid) AS (
            SELECT 'tenants'::regclass::oid
            UNION
            SELECT k.conrelid FROM pg_constraint k JOIN going ON going.oid = k.confrelid
            WHERE k.contype = 'f' AND k.confdeltype = 'c')
          SELECT name || ' would keep the rows of an erased tenant' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p') AND tenant_att IS NOT NULL AND oid NOT IN (SELECT oid FROM going)`,
  },
  'unique keys start with the tenant': {
    sql: `SELECT format('%s (%s) does not start with tenant_id', i.indexrelid::regclass, t.name)
          FROM pg_index i JOIN (${TABLES}) t ON t.oid = i.indrelid
          WHERE i.indisunique AND t.tenant_att IS NOT NULL AND i.indkey[0] <> t.tenant_att
          UNION ALL
          SELECT name || ' has no primary key' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p') AND NOT EXISTS (SELECT 1 FROM pg_index WHERE indrelid = t.oid AND indisprimary)`,
  },
  'only look-ups, searches and what makes tables run with the rights of another': {
    sql: `SELECT name || ' is no look-up' FROM (${FUNCTIONS}) f WHERE prosecdef AND name <> ALL ($1)
          UNION ALL
          SELECT name || ' does not pin its search_path' FROM (${FUNCTIONS}) f
          WHERE prosecdef AND NOT coalesce(proconfig, '{}') @> '{"search_path=public, pg_temp"}'
          UNION ALL
          SELECT format('%s is not of atrium_owner', name) FROM (${FUNCTIONS}) f
          WHERE prosecdef AND proowner <> 'atrium_owner'::regrole AND name <> ALL ($2)
          UNION ALL
          SELECT name || ' does not name the current tenant' FROM (${FUNCTIONS}) f JOIN pg_proc p ON p.oid = f.oid
          WHERE name = ANY ($2) AND prosrc !~ 'tenant_id(::text)? = tenant'
          UNION ALL
          SELECT name || ' is on the list and no SECURITY DEFINER function' FROM unnest($1::text[]) AS listed(name)
          WHERE name NOT IN (SELECT name FROM (${FUNCTIONS}) f WHERE prosecdef)`,
    values: [[...LOOKUPS, ...SEARCHES, ...MAKERS, ...CARETAKERS], SEARCHES],
  },
  'no function is there for everybody': {
    sql: `SELECT name || ' can be called by PUBLIC' FROM (${FUNCTIONS}) f
          WHERE has_function_privilege('public', oid, 'EXECUTE')
          UNION ALL
          SELECT name || ' can be called by ' || role FROM (${FUNCTIONS}) f, unnest('{atrium_app,atrium_system}'::text[]) AS role
          WHERE has_function_privilege(role, oid, 'EXECUTE') AND NOT (role = 'atrium_app' AND name = ANY ($1))
            AND NOT (role = 'atrium_system' AND name = ANY ($2))`,
    values: [[...LOOKUPS, ...SEARCHES, ...MAKERS, ...PURE], CARETAKERS],
  },
  'the roles of the application have no power over roles, databases or policies': {
    sql: `SELECT rolname || ' has an attribute it must not have' FROM pg_roles
          WHERE rolname IN ('atrium_app', 'atrium_system', 'atrium_owner', 'atrium_search')
            AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication OR rolcanlogin)
          UNION ALL
          SELECT format('%s is a member of %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members m
          WHERE m.member IN ('atrium_app'::regrole, 'atrium_system'::regrole, 'atrium_owner'::regrole, 'atrium_search'::regrole)
          UNION ALL
          SELECT role || ' can create in the schema public' FROM unnest('{public,atrium_app,atrium_system}'::text[]) AS role
          WHERE has_schema_privilege(role, 'public', 'CREATE')`,
  },
  'the owner owns everything': {
    sql: `SELECT format('%s is owned by %s', name, relowner::regrole) FROM (${TABLES}) t
          WHERE relowner <> 'atrium_owner'::regrole
          UNION ALL
          SELECT format('%s is owned by %s', name, proowner::regrole) FROM (${FUNCTIONS}) f
          WHERE proowner <> CASE WHEN name = ANY ($1) THEN 'atrium_search'::regrole ELSE 'atrium_owner'::regrole END`,
    values: [SEARCHES],
  },
  'grants are what the migrations gave, table by table and verb by verb': {
    sql: `WITH given AS (
            SELECT format('%s %s %s', t.name, coalesce(r.rolname::text, 'PUBLIC'), acl.privilege_type) AS grant
            FROM (${TABLES}) t CROSS JOIN aclexplode(t.relacl) acl LEFT JOIN pg_roles r ON r.oid = acl.grantee
            WHERE acl.grantee <> t.relowner),
          partly AS (
            SELECT format('%s %s %s %s', t.name, coalesce(r.rolname::text, 'PUBLIC'), acl.privilege_type, a.attname) AS grant
            FROM (${TABLES}) t JOIN pg_attribute a ON a.attrelid = t.oid
            CROSS JOIN aclexplode(a.attacl) acl LEFT JOIN pg_roles r ON r.oid = acl.grantee)
          SELECT 'given and not expected: ' || "grant" FROM given WHERE "grant" <> ALL ($1)
          UNION ALL SELECT 'given and not expected: ' || "grant" FROM partly WHERE "grant" <> ALL ($2)
          UNION ALL SELECT 'expected and not given: ' || e FROM unnest($1::text[]) e WHERE e NOT IN (SELECT "grant" FROM given)
          UNION ALL SELECT 'expected and not given: ' || e FROM unnest($2::text[]) e WHERE e NOT IN (SELECT "grant" FROM partly)
          UNION ALL SELECT 'there are default privileges' FROM pg_default_acl`,
    values: [[...PLAIN_GRANTS, ...grantsOfMigrations()], COLUMN_GRANTS],
  },
  'atrium_system has its own policy exactly where it has grants': {
    sql: `SELECT name || ' is a policy of atrium_system beside the one it should have' FROM (${POLICIES}) p
          WHERE 'atrium_system' = ANY (roles) AND NOT (polname = 'system' AND roles = '{atrium_system}')
          UNION ALL
          SELECT name || ' has a policy or grants of atrium_system, and not both' FROM (${TABLES}) t
          WHERE relkind IN ('r', 'p')
            AND EXISTS (SELECT 1 FROM (${POLICIES}) p WHERE p.table_name = t.name AND 'atrium_system' = ANY (p.roles))
              <> has_any_column_privilege('atrium_system', oid, 'SELECT, INSERT, UPDATE, REFERENCES')`,
  },
  'the application reads no password hash': {
    sql: `SELECT 'atrium_app can ' || verb || ' users.' || name
          FROM (VALUES ('SELECT', 'password_hash'), ('UPDATE', 'password_hash'), ('INSERT', 'superadmin'), ('UPDATE', 'superadmin')) AS v(verb, name)
          WHERE has_column_privilege('atrium_app', 'users', name, verb)`,
  },
};

export const RULES = Object.keys(FAULTS);

/** What breaks a rule, in words; none is as it should be. */
export async function faults(client: pg.Client, rule: string): Promise<string[]> {
  const { sql, values } = FAULTS[rule] ?? {};
  if (!sql) throw new Error(`There is no rule "${rule}"`);
  const { rows } = await client.query<[string]>({ text: sql, values, rowMode: 'array' });
  return rows.map(([fault]) => fault);
}

/** `table role VERB`, read from the migrations' calls of the two functions that give them. */
function grantsOfMigrations(): string[] {
  const sql = readdirSync(MIGRATIONS)
    .map((name) => readFileSync(join(MIGRATIONS, name), 'utf8'))
    .join('\n');
  const calls = [...sql.matchAll(/SELECT atrium_(tenant_table|system_reach)\('(\w+)', '([A-Z, ]+)'\)/g)];
  return calls.flatMap(([, how, table = '', verbs = '']) =>
    verbs.split(', ').map((verb) => `${table} ${how === 'tenant_table' ? 'atrium_app' : 'atrium_system'} ${verb}`),
  );
}
