import type { ApiDocument, Operation } from './api-document.js';
import type { Answer, Client } from './client.js';
import type { Given, Tenant } from './given.js';
import { readyText } from './collections.js';
import { eventually } from './platform-fixtures.js';
import { FakeMcp } from './mcp/fake-mcp.js';
import { upload } from './sample-files.js';

/** A tenant with one of everything that the API can make. */
export interface Furnished extends Tenant {
  /** Stands in every text of its own. */
  mark: string;
  /** By what they are of. */
  ids: Record<Kind, string>;
}

const KINDS = [
  'tenant',
  'user',
  'agent',
  'session',
  'template',
  'message',
  'file',
  'answer',
  'run',
  'fork',
  'copy',
  'apiKey',
  'invitation',
  'event',
  'login',
  'hook',
  'permission',
  'permissionGrant',
  'execution',
  'agentTask',
  'databaseConnection',
  'mcpServer',
  'collection',
  'document',
  'query',
  'evaluation',
] as const;
export type Kind = (typeof KINDS)[number];

/** What the id in a path is of. */
const OF_PATH: [RegExp, Kind][] = [
  [/^\/api\/v1\/agents\//, 'agent'],
  [/^\/api\/v1\/sessions\//, 'session'],
  [/^\/api\/v1\/messages\/[^/]+\/feedback$/, 'answer'],
  [/^\/api\/v1\/session-templates\//, 'template'],
  [/^\/api\/v1\/messages\//, 'message'],
  [/^\/api\/v1\/runs\//, 'run'],
  [/^\/api\/v1\/files\//, 'file'],
  [/^\/api\/v1\/members\//, 'user'],
  [/^\/api\/v1\/api-keys\//, 'apiKey'],
  [/^\/api\/v1\/auth\/invitations\//, 'invitation'],
  [/^\/api\/v1\/hooks\//, 'hook'],
  [/^\/api\/v1\/permissions\//, 'permission'],
  [/^\/api\/v1\/permission-grants\//, 'permissionGrant'],
  [/^\/api\/v1\/mcp\/executions\//, 'execution'],
  [/^\/api\/v1\/agent-tasks\//, 'agentTask'],
  [/^\/api\/v1\/database-connections\//, 'databaseConnection'],
  [/^\/api\/v1\/mcp\/servers\//, 'mcpServer'],
  [/^\/api\/v1\/rag\/collections\//, 'collection'],
  [/^\/api\/v1\/rag\/documents\//, 'document'],
  [/^\/api\/v1\/rag\/queries\//, 'query'],
  [/^\/api\/v1\/rag\/evaluations\//, 'evaluation'],
  [/^\/api\/v1\/admin\/tenants\//, 'tenant'],
];

const VOLATILE = /"(lastUsedAt|lastCheckedAt|listedAt|latencyMs)":("[^"]*"|null|[\d.]+)/g;
const UUID = /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g;

export async function furnish(given: Given, mark: string): Promise<Furnished> {
  const tenant = await given.tenant();
  const { as, owner } = tenant;
  const metadata = { note: mark };
  await as.patch('/tenant', { name: mark, metadata }).expect(200);
  const definition = { description: mark, systemPrompt: mark, tools: ['calculator:*'], capabilities: [mark], metadata };
  const agent = await given.agentOf(as, { name: mark, ...definition });
  const context = { note: mark };
  const session = await created(as, '/sessions', {
    agentId: agent,
    title: mark,
    context,
    metadata,
    systemPrompt: mark,
  });
  for (const name of ['more.txt', 'notes.txt'])
    await as.send('PUT', `/sessions/${session}/files/${name}`, mark, { 'content-type': 'text/plain' }).expect(201);
  const template = await created(as, '/session-templates', { name: mark, agentId: agent, title: mark, context });
  const content = `${mark}: what is 2 + 3?`;
  const { id: file } = await upload(as, `A file of ${mark}`, `${mark}.txt`);
  const attachments = [file];
  const sent = (await as.post(`/sessions/${session}/messages`, { content, attachments, metadata }).expect(201)).json<{
    message: { id: string };
    run: { id: string };
  }>();
  const [message] = await listed(as, `/sessions/${session}/messages?role=user`);
  const fork = await created(as, `/sessions/${session}/fork`, { messageId: sent.message.id });
  const [copy] = await listed(as, `/sessions/${fork}/messages?role=user`);
  // Not the one that goes when the message before it is answered anew.
  const [answer = ''] = await listed(as, `/sessions/${fork}/messages?role=assistant`);
  await as.put(`/messages/${answer}/feedback`, { rating: 1, comment: mark }).expect(200);
  const apiKey = await created(as, '/api-keys', { name: mark });
  const host = await given.tenant();
  await host.as.post('/members', { email: owner.email, role: 'viewer' }).expect(201);
  const [invitation] = await listed(as, '/auth/invitations');
  const [event] = await listed(as, '/audit-logs?action=agent.created');
  const logins = (await as.get('/audit-logs?action=auth.loggedIn').expect(200)).json<{
    data: { resourceId: string }[];
  }>();
  const hook = await created(as, '/hooks', { event: 'tool.after', url: `https://example.com/${mark}`, enabled: false });
  const asked = await delegate(as, mark);
  const addition = { serverId: 'calculator', tool: 'add', arguments: { a: 1, b: 2 }, sessionId: session };
  const { executionId: execution } = (await as.post('/mcp/execute', addition).expect(200)).json<{
    executionId: string;
  }>();
  const address = `postgres://user:password@db.example.com/${mark}`;
  const databaseConnection = await created(as, '/database-connections', { name: mark, url: address });
  const far = { name: 'far', transport: 'http', url: (await farServer()).url, headers: { 'X-Note': mark } };
  const mcpServer = await created(as, '/mcp/servers', far);
  // Its tools are known from then on.
  await as.get(`/mcp/servers/${mcpServer}/discover`).expect(200);
  const ids = {
    ...{ tenant: tenant.tenantId, user: owner.userId, agent, session, template, message, file, answer },
    ...{ run: sent.run.id, fork, copy, apiKey, invitation, event, login: logins.data[0]?.resourceId, hook },
    ...{ ...asked, execution, databaseConnection, mcpServer, ...(await knowledge(as, mark)) },
  };
  const missing = KINDS.filter((kind) => ids[kind] === undefined);
  if (missing.length > 0) throw new Error(`Nothing was made of ${missing.join(', ')}`);
  return { ...tenant, mark, ids: ids as Record<Kind, string> };
}

interface Delegated {
  permission: string;
  permissionGrant: string | undefined;
  agentTask: string | undefined;
}

/** Has the agent asked by another, once a person has permitted it for good. */
async function delegate(as: Client, mark: string): Promise<Delegated> {
  const session = await created(as, '/sessions', { model: 'offline', tools: ['agent:*'], title: mark });
  const content = `Call agent:${mark} with {"message": "${mark}"}`;
  const sent = await as.post(`/sessions/${session}/messages`, { content }).expect(202);
  const { run, pendingPermissions } = sent.json<{ run: { id: string }; pendingPermissions: { id: string }[] }>();
  const permission = pendingPermissions[0]?.id ?? '';
  await as.post(`/permissions/${permission}`, { decision: 'allow', remember: 'session', reason: mark }).expect(200);
  await eventually(
    async () => (await as.get(`/runs/${run.id}`).expect(200)).json<{ status: string }>().status,
    (status) => status === 'completed',
  );
  const [agentTask] = await listed(as, `/agent-tasks?runId=${run.id}`);
  const [permissionGrant] = await listed(as, `/permission-grants?sessionId=${session}`);
  return { permission, permissionGrant, agentTask };
}

interface Knowledge {
  collection: string;
  document: string;
  query: string;
  evaluation: string;
}

/** A document that can be found, a question about it, and a judgement of how well it is. */
async function knowledge(as: Client, mark: string): Promise<Knowledge> {
  const metadata = { note: mark };
  const collection = await created(as, '/rag/collections', { name: mark, description: mark, metadata });
  const collectionIds = [collection];
  const text = `# ${mark}\n\nWhat is known of ${mark}.`;
  const document = await readyText(as, collection, text, { title: mark, metadata });
  const asked = (
    await as.post('/rag/query', { collectionIds, question: `What is known of ${mark}?` }).expect(200)
  ).json<{
    queryId: string;
  }>();
  const cases = [{ query: mark, relevant: [document.id] }];
  const judged = (await as.post('/rag/evaluations', { name: mark, collectionIds, cases }).expect(202)).json<{
    evaluation: { id: string };
  }>();
  const evaluation = judged.evaluation.id;
  await eventually(
    async () => (await as.get(`/rag/evaluations/${evaluation}`).expect(200)).json<{ status: string }>().status,
    (status) => status === 'completed',
  );
  return { collection, document: document.id, query: asked.queryId, evaluation };
}

/** Named in bodies as what is there, where another field is at fault. */
export function knownTo({ ids }: Furnished): Record<string, string> {
  return { collectionId: ids.collection, collectionIds: ids.collection, relevant: ids.document };
}

let far: Promise<FakeMcp> | undefined;

/** One for all, which ends with the tests. The servers of such a tenant need EGRESS_ALLOW for this machine. */
function farServer(): Promise<FakeMcp> {
  far ??= new FakeMcp().start().then((server) => server.unref());
  return far;
}

async function created(as: Client, path: string, body: object): Promise<string> {
  return (await as.post(path, body).expect(201)).json<{ id: string }>().id;
}

async function listed(as: Client, path: string): Promise<(string | undefined)[]> {
  const { data } = (await as.get(path).expect(200)).json<{ data: { id: string }[] }>();
  return data.map(({ id }) => id);
}

/** The path of an operation on what a tenant has. @throws where nobody has said what its parameters are of. */
export function ownPath({ path, pathParameters }: Operation, { ids, mark }: Furnished): string {
  // Tools have names, no ids.
  if (path.startsWith('/api/v1/tools/')) return withId({ path, pathParameters }, `agent%3A${mark}`);
  return withId({ path, pathParameters }, ids[kindOf(path)]);
}

export function withId({ path, pathParameters }: Pick<Operation, 'path' | 'pathParameters'>, id: string): string {
  const [parameter, ...more] = pathParameters;
  if (more.length > 0) throw new Error(`${path} has several parameters`);
  const filled = parameter ? path.replace(`{${parameter.name}}`, id) : path;
  return filled.replace(/^\/api\/v1/, '');
}

function kindOf(path: string): Kind {
  if (!path.includes('{')) return 'tenant';
  const kind = OF_PATH.find(([pattern]) => pattern.test(path))?.[1];
  if (!kind) throw new Error(`What the parameter of ${path} is of has to be said here`);
  return kind;
}

/** They end something that was begun elsewhere. */
export const SHOW_NOTHING = ['mcpOAuth_callback'];

/** Others send people there, with parameters of their own. */
export const TAKE_ANY_QUERY = ['mcpOAuth_callback'];

/** Everything a tenant can read, by the operations that show it; the same again as long as nothing of it changed. */
export async function everythingOf(document: ApiDocument, tenant: Furnished): Promise<Map<string, Answer>> {
  const shown = new Map<string, Answer>();
  for (const operation of document.operations) {
    if (operation.method !== 'GET' || !operation.path.startsWith('/api/') || isForSuperadmins(operation)) continue;
    if (SHOW_NOTHING.includes(operation.id)) continue;
    const isList = operation.query.some(({ name }) => name === 'limit');
    const answer = await tenant.as.get(`${ownPath(operation, tenant)}${isList ? '?limit=100' : ''}`);
    shown.set(operation.id, answer);
  }
  return shown;
}

export function isForSuperadmins({ path }: Operation): boolean {
  return path.startsWith('/api/v1/admin/');
}

/** As it can be compared: when a credential was last used is noted beside the requests. */
export function textsOf(shown: Map<string, Answer>): Record<string, string> {
  return Object.fromEntries(
    [...shown].map(([id, { status, text }]) => [id, `${status} ${text.replace(VOLATILE, '')}`]),
  );
}

export function idsIn(text: string): string[] {
  return text.match(UUID) ?? [];
}
