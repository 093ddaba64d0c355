import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource, type EntityManager } from 'typeorm';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { startApp, type TestApp } from './app.js';
import { Given, type Tenant } from './given.js';
import { collection, readyText } from './collections.js';
import { upload } from './sample-files.js';

let app: TestApp;
let given: Given;
let ours: Tenant;
let theirs: Tenant;
let tables: string[];

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  [ours, theirs] = [await withOneOfEverything(), await withOneOfEverything()];
  const rows = await as(ours, (manager) =>
    manager.query<{ name: string }[]>(
      `SELECT attrelid::regclass::text AS name FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
       WHERE attname = 'tenant_id' AND relkind = 'r' AND relnamespace = 'public'::regnamespace`,
    ),
  );
  tables = rows.map(({ name }) => name);
}, 60_000);

afterAll(() => app.close());

async function withOneOfEverything(): Promise<Tenant> {
  const made = await given.session({ tools: ['calculator:*'] });
  const file = await upload(made.as, 'text');
  await made.as
    .post(`/sessions/${made.sessionId}/messages`, { content: 'What is 2 + 3?', attachments: [file.id] })
    .expect(201);
  await made.as.post('/agents', { name: 'Keyed' }, { 'idempotency-key': 'k' }).expect(201);
  await made.as.post('/api-keys', { name: 'Key' }).expect(201);
  await made.as.post('/session-templates', { name: 'Template' }).expect(201);
  await made.as.post('/hooks', { event: 'run.started', url: 'https://example.com', enabled: false }).expect(201);
  await made.as.post('/database-connections', { name: 'D', url: 'postgres://u:p@db.example.com/d' }).expect(201);
  const far = { name: 'far', transport: 'http', url: 'https://example.com' };
  await made.as.post('/mcp/servers', far).expect(201);
  await made.as.put(`/sessions/${made.sessionId}/files/note.txt`, 'text').expect(201);
  await withKnowledge(made);
  // What a request leaves behind for a moment only.
  await as(made, async (manager) => {
    await manager.query(
      `INSERT INTO outbox (tenant_id, event_id, consumer) SELECT tenant_id, id, 'nobody' FROM events`,
    );
    await manager.query(
      `INSERT INTO run_turns (tenant_id, run_id, turn, model, blocks, stop_reason)
       SELECT tenant_id, id, 1, model, '[]', 'end' FROM runs`,
    );
    // What a server would have said.
    await manager.query(
      `INSERT INTO mcp_tool_lists (tenant_id, server_id, server_version) SELECT tenant_id, id, version FROM mcp_servers`,
    );
    await manager.query(
      `INSERT INTO mcp_tools (tenant_id, server_id, name, definition, hash, approved_hash, position)
       SELECT tenant_id, id, 'one', '{}', '', '', 0 FROM mcp_servers`,
    );
    await manager.query(
      `INSERT INTO mcp_oauth_clients (tenant_id, server_id, issuer, redirect_uri, sealed)
       SELECT tenant_id, id, '', '', '' FROM mcp_servers`,
    );
    await manager.query(
      `INSERT INTO mcp_oauth_flows (tenant_id, id, server_id, user_id, identity, server_url, state_hash, sealed, expires_at)
       SELECT tenant_id, id, id, created_by, 'tenant', '', '', '', now() FROM mcp_servers`,
    );
    await manager.query(
      `INSERT INTO mcp_oauth_grants (tenant_id, id, server_id, server_url, sealed)
       SELECT tenant_id, id, id, '', '' FROM mcp_servers`,
    );
    await manager.query(
      `INSERT INTO permissions (tenant_id, id, session_id, root_session_id, run_id, tool_call_id, tool_use_id, tool, input)
       SELECT c.tenant_id, c.id, r.session_id, r.session_id, r.id, c.id, c.tool_use_id, c.name, c.input
       FROM tool_calls c JOIN runs r ON r.id = c.run_id`,
    );
    await manager.query(
      `INSERT INTO permission_grants (tenant_id, id, session_id, tool, granted_by)
       SELECT tenant_id, id, session_id, tool, id FROM permissions LIMIT 1`,
    );
    await manager.query(
      `INSERT INTO agent_tasks (tenant_id, id, parent_run_id, parent_session_id, tool_call_id, tool_use_id, to_agent_id,
         session_id, run_id)
       SELECT p.tenant_id, p.id, p.run_id, p.session_id, p.id, '', a.id, p.session_id, p.run_id
       FROM permissions p, agents a LIMIT 1`,
    );
    await manager.query(
      `INSERT INTO agent_messages (tenant_id, id, task_id, type, content) SELECT tenant_id, id, id, 'request', '' FROM agent_tasks`,
    );
    // What upkeep and sweepers have to do with, and work that is under way.
    const of = 'FROM rag_collections LIMIT 1';
    await manager.query(
      `INSERT INTO rag_garbage (tenant_id, id, collection_id, number) SELECT tenant_id, id, id, 99 ${of}`,
    );
    await manager.query(
      `INSERT INTO rag_dropped_versions (tenant_id, collection_id, number) SELECT tenant_id, id, 99 ${of}`,
    );
    await manager.query(
      `INSERT INTO rag_fresh_postings (tenant_id, collection_id, number, position, chunk_count, content)
       SELECT tenant_id, id, 99, 0, 0, '' ${of}`,
    );
    await manager.query(
      `INSERT INTO rag_segments (tenant_id, collection_id, id, status, chunk_count, pieces)
       SELECT tenant_id, id, id, 'building', 0, '' ${of}`,
    );
    await manager.query(
      `INSERT INTO rag_postings (tenant_id, collection_id, segment_id, term, chunk_count, last_chunk, postings)
       SELECT tenant_id, id, id, 'word', 0, 0, '' ${of}`,
    );
    await manager.query(
      `INSERT INTO rag_vector_spaces (tenant_id, collection_id, space_id, dimensions, bucket)
       SELECT tenant_id, id, id, 8, 1 ${of}`,
    );
    await manager.query(
      `INSERT INTO rag_ingestions (tenant_id, id, collection_id, document_id, stage, run_after)
       SELECT tenant_id, id, collection_id, id, 'embed', 'infinity' FROM rag_documents
       ON CONFLICT (tenant_id, document_id) DO NOTHING`,
    );
    // What a provider of embeddings would have billed.
    await manager.query(
      `INSERT INTO embedding_uses (tenant_id, id, model, purpose, input_tokens, cost_micros, estimated)
       SELECT tenant_id, id, 'voyage:voyage-4', 'document', 1, 1, false FROM agents LIMIT 1`,
    );
  });
  return made;
}

/** Of each kind: documents and what was made of them, of one that is waited for too, and what was asked of them. */
async function withKnowledge({ as: client }: Pick<Tenant, 'as'>): Promise<void> {
  const { id: collectionId } = await collection(client);
  const { id } = await readyText(client, collectionId, 'Whales are mammals.');
  await client.post('/rag/documents/batch', { collectionId, documents: [{ text: 'Sharks are fish.' }] }).expect(202);
  await client.post('/rag/query', { collectionIds: [collectionId], question: 'Are whales mammals?' }).expect(200);
  const cases = [{ query: 'whales', relevant: [id] }];
  await client.post('/rag/evaluations', { collectionIds: [collectionId], cases }).expect(202);
}

/** Statements as the application's role, in a tenant, with no condition but what they say. */
function as<T>({ tenantId }: Tenant, use: (manager: EntityManager) => Promise<T>): Promise<T> {
  const db = app.nest.get(Db);
  return runAs(Actor.job(tenantId), () => db.run(() => use(db.manager)));
}

async function tenantsIn(manager: EntityManager, table: string): Promise<string[]> {
  const rows = await manager.query<{ tenant_id: string }[]>(`SELECT DISTINCT tenant_id FROM ${table}`);
  return rows.map(({ tenant_id }) => tenant_id);
}

class Undone extends Error {}

/** What came of statements that are undone again. */
async function undone<T>(tenant: Tenant, use: (manager: EntityManager) => Promise<T>): Promise<T> {
  let result: { is: T } | undefined;
  const attempt = as(tenant, async (manager) => {
    result = { is: await use(manager) };
    throw new Undone();
  });
  await expect(attempt).rejects.toThrow(Undone);
  if (!result) throw new Error('Nothing came of it');
  return result.is;
}

describe('Without any condition on the tenant', () => {
  it('a query sees the rows of its tenant alone, in every table', async () => {
    for (const tenant of [ours, theirs]) {
      const seen = await as(tenant, async (manager) => {
        const found: [string, string[]][] = [];
        for (const table of tables) found.push([table, await tenantsIn(manager, table)]);
        return found;
      });
      expect(seen).toEqual(tables.map((table) => [table, [tenant.tenantId]]));
    }
    expect(tables.length).toBeGreaterThan(10);
  });

  it('so does an entity', async () => {
    const { entityMetadatas } = app.nest.get(DataSource);
    for (const { target, tableName } of entityMetadatas) {
      const rows = await as(ours, (manager) => manager.createQueryBuilder(target, 'row').getMany());
      const seen = new Set(rows.map((row) => (row as { tenantId: string }).tenantId));
      expect([tableName, ...seen]).toEqual([tableName, ours.tenantId]);
    }
  });

  it('a query of no tenant sees nothing', async () => {
    const seen = await as(ours, async (manager) => {
      await manager.query(`SELECT set_config('app.tenant_id', '', true)`);
      const found: string[] = [];
      for (const table of tables) found.push(...(await tenantsIn(manager, table)));
      return found;
    });
    expect(seen).toEqual([]);
  });

  it('an update or delete reaches the rows of its tenant alone', async () => {
    const own = await as(ours, (manager) => manager.query<unknown[]>('SELECT 1 FROM messages'));
    const changed = await undone(ours, (manager) =>
      manager.query<[unknown, number]>('UPDATE messages SET role = role'),
    );
    const deleted = await undone(ours, (manager) => manager.query<[unknown, number]>('DELETE FROM messages'));
    expect([changed[1], deleted[1]]).toEqual([own.length, own.length]);
  });

  it('a row is neither made in another tenant nor moved there', async () => {
    const refused = /violates row-level security policy/;
    const made = as(ours, (manager) =>
      manager.query(`INSERT INTO agents (tenant_id, id, name, definition) VALUES ($1, gen_random_uuid(), 'x', '{}')`, [
        theirs.tenantId,
      ]),
    );
    await expect(made).rejects.toThrow(refused);
    const moved = as(ours, (manager) => manager.query('UPDATE api_keys SET tenant_id = $1', [theirs.tenantId]));
    await expect(moved).rejects.toThrow(refused);
  });

  it('a row refers to nothing of another tenant, though foreign keys ignore the policies', async () => {
    const [agent] = await as(theirs, (manager) => manager.query<{ id: string }[]>('SELECT id FROM agents'));
    const referred = as(ours, (manager) => manager.query('UPDATE sessions SET agent_id = $1', [agent?.id]));
    await expect(referred).rejects.toThrow(/violates foreign key constraint/);
  });
});

describe('Of what belongs to no single tenant', () => {
  it('a tenant sees itself and its members', async () => {
    const tenants = await as(ours, (manager) => manager.query<{ id: string }[]>('SELECT id FROM tenants'));
    const users = await as(ours, (manager) => manager.query<{ id: string }[]>('SELECT id FROM users'));
    expect([tenants, users]).toEqual([[{ id: ours.tenantId }], [{ id: ours.owner.userId }]]);
  });

  it.each([
    ['reads a password hash', 'SELECT password_hash FROM users'],
    ['renames a user', `UPDATE users SET name = 'x'`],
    [
      'makes a superadmin',
      `INSERT INTO users (id, email, name, superadmin) VALUES (gen_random_uuid(), 'x@y', 'x', true)`,
    ],
    ['changes its own plan', `UPDATE tenants SET plan = 'premium'`],
    ['makes a tenant', `INSERT INTO tenants (id, slug, name) VALUES (gen_random_uuid(), 'x', 'x')`],
    ['deletes itself', 'DELETE FROM tenants'],
    ['reads slugs', 'SELECT slug FROM tenant_slugs'],
    ['changes what happened', `UPDATE events SET action = 'x'`],
    ['deletes what happened', 'DELETE FROM events'],
    ['reads the migrations', 'SELECT 1 FROM schema_migrations'],
  ])('no tenant %s', async (_what, statement) => {
    await expect(as(ours, (manager) => manager.query(statement))).rejects.toThrow(/permission denied/);
  });

  it('a tenant changes its own row alone', async () => {
    const [, changed] = await undone(ours, (manager) =>
      manager.query<[unknown, number]>(`UPDATE tenants SET name = 'x'`),
    );
    expect(changed).toBe(1);
  });
});
