import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { analyze } from './analyze.js';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given } from './given.js';

/** Rows of each kind in each of two tenants. */
const ROWS = 3_000;
const LIMIT = 20;

interface Statement {
  text: string;
  values: unknown[];
}

/** A node of EXPLAIN (ANALYZE, FORMAT JSON), as far as it is looked at. */
interface PlanNode {
  'Node Type': string;
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

let app: TestApp;
let tenantId: string;
let agentId: string;
let sessionId: string;
let userId: string;
let owner: Client;
let member: Client;

beforeAll(async () => {
  app = await startApp();
  const given = new Given(app);
  const ours = await given.session();
  const theirs = await given.session();
  member = (await given.member(ours, 'member')).as;
  ({ tenantId, agentId, sessionId, as: owner } = ours);
  ({ userId } = ours.owner);
  for (const tenant of [ours, theirs]) await seed(tenant);
  await analyze(app, 'agents', 'sessions', 'messages', 'runs', 'events');
}, 120_000);

afterAll(() => app.close());

/** Half of it for one agent and one session, the rest spread thin. */
async function seed(tenant: {
  tenantId: string;
  agentId: string;
  sessionId: string;
  owner: { userId: string };
}): Promise<void> {
  const db = app.nest.get(Db);
  const parameters = { rows: ROWS, agentId: tenant.agentId, sessionId: tenant.sessionId, userId: tenant.owner.userId };
  await runAs(Actor.job(tenant.tenantId), () =>
    db.run(async () => {
      for (const statement of SEED) await db.sql(statement, parameters);
    }),
  );
}

const NTH_AT = `now() - n * interval '1 minute'`;
const MANY = 'generate_series(1, :rows::int) AS n';
const SEED = [
  `INSERT INTO agents (tenant_id, id, name, definition, created_at)
   SELECT :tenantId, gen_random_uuid(), 'Agent ' || n, (SELECT definition FROM agents WHERE tenant_id = :tenantId AND id = :agentId), ${NTH_AT} FROM ${MANY}`,
  `INSERT INTO sessions (tenant_id, id, agent_id, created_by, title, visibility, created_at, last_activity_at)
   SELECT :tenantId, gen_random_uuid(), CASE WHEN n % 2 = 0 THEN :agentId::uuid END, :userId, 'Session ' || n,
          CASE WHEN n % 10 = 0 THEN 'tenant' ELSE 'private' END, ${NTH_AT}, date_trunc('milliseconds', ${NTH_AT}) FROM ${MANY}`,
  `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks)
   SELECT :tenantId, gen_random_uuid(), :sessionId, n, CASE WHEN n % 2 = 0 THEN 'user' ELSE 'assistant' END, 'Text ' || n, '[]' FROM ${MANY}`,
  `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks)
   SELECT tenant_id, gen_random_uuid(), id, 1, 'user', 'Text', '[]' FROM sessions WHERE tenant_id = :tenantId AND id <> :sessionId`,
  `INSERT INTO runs (tenant_id, id, session_id, message_id, trigger, model, pinned, status)
   SELECT :tenantId, gen_random_uuid(), :sessionId, gen_random_uuid(), 'message', 'offline', '{}', 'completed' FROM ${MANY}`,
  `INSERT INTO runs (tenant_id, id, session_id, message_id, trigger, model, pinned, status)
   SELECT tenant_id, gen_random_uuid(), id, gen_random_uuid(), 'message', 'offline', '{}', 'completed' FROM sessions WHERE tenant_id = :tenantId AND id <> :sessionId`,
  `INSERT INTO events (tenant_id, id, at, action, actor_type, actor_id, resource_type, resource_id, correlation_id, payload)
   SELECT :tenantId, gen_random_uuid(), ${NTH_AT}, CASE WHEN n % 2 = 0 THEN 'session.created' ELSE 'session.updated' END, 'user', :userId,
          'session', CASE WHEN n % 2 = 0 THEN :sessionId::uuid ELSE gen_random_uuid() END, 'c', '{}' FROM ${MANY}`,
];

/** The statements that a request runs, as they reach the database. */
async function statementsOf(request: () => PromiseLike<unknown>): Promise<Statement[]> {
  const sent = jest.spyOn(pg.Client.prototype, 'query');
  try {
    await request();
    // TypeORM gives the text and the values, Db an object of both; what is sent as mere text is BEGIN and the like.
    return (sent.mock.calls as unknown[][]).flatMap(([statement, values]) => {
      if (typeof statement === 'object') return [statement as Statement];
      return Array.isArray(values) ? [{ text: statement as string, values }] : [];
    });
  } finally {
    sent.mockRestore();
  }
}

/** How many rows of a table a statement reads, and by which kinds of node. */
async function reading(
  table: string,
  { text, values }: Statement,
): Promise<{ rows: number; nodes: string[]; plan: string }> {
  const db = app.nest.get(Db);
  const [explained] = await runAs(Actor.job(tenantId), () =>
    db.run(() =>
      db.manager.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }[]>(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values),
    ),
  );
  const root = explained?.['QUERY PLAN'][0].Plan;
  if (!root) throw new Error('EXPLAIN said nothing');
  const scans = nodesOf(root).filter((node) => node['Relation Name'] === table);
  const rows = scans.reduce(
    (sum, s) => sum + (s['Actual Rows'] + (s['Rows Removed by Filter'] ?? 0)) * s['Actual Loops'],
    0,
  );
  return { rows, nodes: scans.map((node) => node['Node Type']), plan: JSON.stringify(root, null, 1) };
}

function nodesOf(node: PlanNode): PlanNode[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}

type Path = (cursor: string) => string;

const PAGE = LIMIT + 1;
/** Half of the rows, or a tenth of them, are what the filter wants: so many are passed over, and some more by chance. */
const HALF = 10 * PAGE;
const TENTH = 40 * PAGE;

const LISTS: [name: string, table: string, atMost: number, who: 'owner' | 'member', path: Path][] = [
  ['agents', 'agents', PAGE, 'owner', (cursor) => `/agents?${cursor}`],
  ['active agents', 'agents', PAGE, 'owner', (cursor) => `/agents?status=active&${cursor}`],
  ['sessions', 'sessions', PAGE, 'owner', (cursor) => `/sessions?${cursor}`],
  ['sessions, the last used first', 'sessions', PAGE, 'owner', (cursor) => `/sessions?sort=lastActivityAt&${cursor}`],
  ['sessions that a member may see', 'sessions', TENTH, 'member', (cursor) => `/sessions?${cursor}`],
  ['sessions of an agent', 'sessions', HALF, 'owner', (cursor) => `/sessions?agentId=${agentId}&${cursor}`],
  ['sessions of a user', 'sessions', PAGE, 'owner', (cursor) => `/sessions?createdBy=${userId}&${cursor}`],
  ['messages of a session', 'messages', PAGE, 'owner', (cursor) => `/sessions/${sessionId}/messages?${cursor}`],
  ['messages of a user', 'messages', HALF, 'owner', (cursor) => `/sessions/${sessionId}/messages?role=user&${cursor}`],
  ['runs of a session', 'runs', PAGE, 'owner', (cursor) => `/sessions/${sessionId}/runs?${cursor}`],
  ['events', 'events', PAGE, 'owner', (cursor) => `/audit-logs?${cursor}`],
  ['events of an action', 'events', PAGE, 'owner', (cursor) => `/audit-logs?action=session.created&${cursor}`],
  ['events of an actor', 'events', PAGE, 'owner', (cursor) => `/audit-logs?actorId=${userId}&${cursor}`],
  ['events of a resource', 'events', PAGE, 'owner', (cursor) => `/audit-logs?resourceId=${sessionId}&${cursor}`],
];

describe('Among thousands of rows, a page of', () => {
  it.each(LISTS)('%s is read from an index, wherever it begins', async (_name, table, atMost, who, path) => {
    const as = { owner, member }[who];
    const first = await as.get(path(`limit=${LIMIT}`)).expect(200);
    const { nextCursor, data } = first.json<Listed<object>>();
    expect(data).toHaveLength(LIMIT);
    for (const page of [`limit=${LIMIT}`, `limit=${LIMIT}&cursor=${nextCursor}`]) {
      const statements = await statementsOf(() => as.get(path(page)).expect(200));
      const list = statements.find(({ text }) => new RegExp(`FROM "?${table}"? .*LIMIT`, 's').test(text));
      if (!list) throw new Error(`No list of ${table} among ${statements.map(({ text }) => text).join('\n')}`);
      const { rows, nodes, plan } = await reading(table, list);
      expect(nodes.filter((node) => !/^(Index|Bitmap)/.test(node))).toEqual([]);
      if (rows > atMost) throw new Error(`${rows} rows read instead of at most ${atMost}: ${list.text}\n${plan}`);
    }
  });
});
