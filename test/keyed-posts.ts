import { randomUUID } from 'node:crypto';
import type { Listed } from './answers.js';
import type { TestApp } from './app.js';
import type { Client } from './client.js';
import type { Given, Tenant } from './given.js';
import { countOf, type KeyedPost } from './keyed-post.js';
import { KNOWLEDGE_POSTS } from './keyed-knowledge-posts.js';
import { eventually } from './platform-fixtures.js';
import type { Waiting } from './waiting-runs.js';
import { formOf } from './sample-files.js';

export interface Sent {
  message: { id: string; content: string } | null;
  run: { id: string; status: string };
}

const DATABASE = 'postgres://user:password@db.example.com/shop';

type KeyedPostOf = [operation: string, how: string, make: (posts: KeyedPosts) => Promise<KeyedPost>];

/** Every operation that takes a key, in each of the ways it answers. */
export const KEYED_POSTS: KeyedPostOf[] = [
  ['agents_create', '', (posts) => posts.created('/agents', { name: 'A' })],
  ['agentExports_import', '', (posts) => posts.imported()],
  ['agentVersions_rollback', '', (posts) => posts.rolledBack()],
  ['sessions_create', '', (posts) => posts.created('/sessions', { title: 'S' })],
  ['sessionBatches_create', '', (posts) => posts.batch()],
  ['sessionBatches_remove', '', (posts) => posts.removal()],
  ['sessionTemplates_create', '', (posts) => posts.created('/session-templates', { name: 'T' })],
  [
    'databaseConnections_create',
    '',
    (posts) => posts.created('/database-connections', { name: randomUUID(), url: DATABASE }),
  ],
  ['mcpServers_create', '', (posts) => posts.created('/mcp/servers', aServer())],
  ['files_create', '', (posts) => posts.file()],
  ['members_add', '', (posts) => posts.created('/members', { email: `${randomUUID()}@example.com`, role: 'viewer' })],
  ['messages_send', 'waiting', (posts) => posts.message({})],
  ['messages_send', 'streaming', (posts) => posts.message({ stream: true })],
  ['messages_send', 'in the background', (posts) => posts.message({ background: true })],
  ['messages_send', 'in turn', (posts) => posts.message({ onBusy: 'queue' })],
  ['messageEdits_regenerate', 'waiting', (posts) => posts.regeneration({})],
  ['messageEdits_regenerate', 'streaming', (posts) => posts.regeneration({ stream: true })],
  ['messageEdits_regenerate', 'in the background', (posts) => posts.regeneration({ background: true })],
  ['forks_create', '', (posts) => posts.fork()],
  ['execute_execute', '', (posts) => posts.execution('')],
  ['execute_executeStream', '', (posts) => posts.execution('/stream')],
  ['permissions_decide', '', (posts) => posts.decision()],
  ['clientTools_answer', '', (posts) => posts.toolResult()],
  ['executions_execute', '', (posts) => posts.toolExecution()],
  ['runs_cancel', '', (posts) => posts.cancel()],
  ['sessionStates_pause', '', (posts) => posts.moved('pause')],
  ['sessionStates_resume', '', (posts) => posts.moved('resume', 'pause')],
  ['sessionStates_complete', '', (posts) => posts.moved('complete')],
  ['sessionStates_archive', '', (posts) => posts.moved('archive')],
  ['sessionStates_interrupt', '', (posts) => posts.moved('interrupt')],
  ...KNOWLEDGE_POSTS.map(([operation, how, make]): KeyedPostOf => [operation, how, (posts) => make(posts.as)]),
  ['invitations_accept', '', (posts) => posts.acceptance()],
  ['adminTenants_create', '', (posts) => posts.founding()],
  ['adminTenants_restore', '', (posts) => posts.restoring()],
];

const aServer = () => ({ name: `s-${randomUUID().slice(0, 8)}`, transport: 'http', url: 'https://example.com' });

/** Makes what such requests need. */
export class KeyedPosts {
  constructor(
    private readonly app: TestApp,
    private readonly given: Given,
    private readonly tenant: Tenant & { agentId: string },
  ) {}

  get as(): Client {
    return this.tenant.as;
  }

  async created(path: string, body: object): Promise<KeyedPost> {
    const { as } = this.tenant;
    return { as, path, body, made: () => countOf(as, path) };
  }

  /** A form is sent with another boundary each time. */
  async file(): Promise<KeyedPost> {
    const { as } = this.tenant;
    const made = () => countOf(as, '/audit-logs?action=file.created');
    return { as, path: '/files', body: formOf('text'), other: formOf('another text'), made };
  }

  async imported(): Promise<KeyedPost> {
    const { as, agentId } = this.tenant;
    const body = (await as.get(`/agents/${agentId}/export`).expect(200)).json<object>();
    return { as, path: '/agents/import', body, made: () => countOf(as, '/agents') };
  }

  async rolledBack(): Promise<KeyedPost> {
    const { as } = this.tenant;
    const id = await this.given.agentOf(as);
    return {
      as,
      path: `/agents/${id}/rollback`,
      body: { version: 1 },
      made: () => countOf(as, `/agents/${id}/versions`),
    };
  }

  /** Counted when the run has ended, with the calls of the model: a message that is answered twice asks it twice. */
  async message(how: object): Promise<KeyedPost> {
    const { as } = this.tenant;
    const sessionId = await this.session();
    const path = `/sessions/${sessionId}/messages`;
    const made = async () => {
      await eventually(
        async () => (await as.get(`/sessions/${sessionId}`)).json<{ status: string }>().status,
        (status) => status !== 'processing',
      );
      return (await countOf(as, path)) + (await countOf(as, `/sessions/${sessionId}/runs`)) + this.app.upstream.calls;
    };
    return { as, path, body: { content: 'Hello', ...how }, made };
  }

  /** Another answer to a message that has one. */
  async regeneration(how: object): Promise<KeyedPost> {
    const { as, path, made } = await this.message({});
    await as.post(path, { content: 'Hello' }).expect(201);
    const [message] = (await as.get(path).expect(200)).json<Listed<{ id: string }>>().data;
    return { as, path: `/messages/${message?.id}/regenerate`, body: { metadata: { a: 1 }, ...how }, made };
  }

  async fork(): Promise<KeyedPost> {
    const { as } = this.tenant;
    const path = `/sessions/${await this.session()}/fork`;
    return { as, path, body: { title: 'Fork' }, made: () => countOf(as, '/sessions') };
  }

  async session(as = this.tenant.as): Promise<string> {
    const { agentId } = this.tenant;
    return (await as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>().id;
  }

  async batch(): Promise<KeyedPost> {
    const { as, agentId } = this.tenant;
    const made = () => countOf(as, '/audit-logs?action=sessionBatch.created');
    return { as, path: '/sessions/bulk-create', body: [{ title: 'One', agentId }, { title: 'Two' }], made };
  }

  async removal(): Promise<KeyedPost> {
    const { as } = this.tenant;
    const ids = [await this.session(), await this.session()];
    const made = async () =>
      (await Promise.all(ids.map((id) => countOf(as, `/audit-logs?resourceId=${id}`)))).reduce((a, b) => a + b);
    return { as, path: '/sessions/bulk-delete', body: { ids }, made };
  }

  /** Puts a session into another state, after it was put into some `before`. */
  async moved(verb: string, ...before: string[]): Promise<KeyedPost> {
    const { as } = this.tenant;
    const sessionId = await this.session();
    for (const step of before) await as.post(`/sessions/${sessionId}/${step}`).expect(200);
    return {
      as,
      path: `/sessions/${sessionId}/${verb}`,
      made: () => countOf(as, `/audit-logs?resourceId=${sessionId}`),
    };
  }

  async execution(suffix: string): Promise<KeyedPost> {
    const { as, agentId } = this.tenant;
    const made = async () => (await countOf(as, '/sessions')) + this.app.upstream.calls;
    const body = { message: 'Hello', metadata: { a: 1, b: [{ c: 2, d: 3 }] } };
    return { as, path: `/agents/${agentId}/execute${suffix}`, body, made };
  }

  async cancel(): Promise<KeyedPost> {
    const { as, path } = await this.message({});
    const { run } = await this.hanging(as, path);
    return { as, path: `/runs/${run.id}/cancel`, made: () => countOf(as, `/audit-logs?resourceId=${run.id}`) };
  }

  /** A message that the model never answers. A run cancelled sooner would leave the silence to the next one that asks. */
  async hanging(as: Client, path: string): Promise<Sent> {
    const { upstream } = this.app;
    const { calls } = upstream;
    upstream.enqueue({ silent: true });
    const sent = (await as.post(path, { content: 'Hi', background: true }).expect(202)).json<Sent>();
    await eventually(
      () => upstream.calls,
      (now) => now > calls,
    );
    return sent;
  }

  async toolExecution(): Promise<KeyedPost> {
    const { as } = this.tenant;
    const body = { serverId: 'calculator', tool: 'add', arguments: { a: 1, b: 2 } };
    return { as, path: '/mcp/execute', body, made: () => countOf(as, '/mcp/executions') };
  }

  async decision(): Promise<KeyedPost> {
    const rules = [{ tool: '*', action: 'ask' }];
    const { as, pendingPermissions } = await this.waitingRun({
      ...{ tools: ['calculator:add'], permissionPolicy: { rules } },
      content: 'Call calculator:add with {"a": 1, "b": 2}',
    });
    const id = pendingPermissions[0]?.id ?? '';
    const made = () => countOf(as, `/audit-logs?resourceId=${id}`);
    return { as, path: `/permissions/${id}`, body: { decision: 'allow' }, made };
  }

  async toolResult(): Promise<KeyedPost> {
    const clientTools = [{ name: 'show', description: 'Shows a page', inputSchema: { type: 'object' } }];
    const { as, run, pendingToolCalls } = await this.waitingRun({ clientTools, content: 'Call client:show with {}' });
    const body = { toolUseId: pendingToolCalls[0]?.toolUseId, content: 'shown' };
    const made = () => countOf(as, `/audit-logs?action=run.toolResultGiven&resourceId=${run.id}`);
    return { as, path: `/runs/${run.id}/tool-results`, body, made };
  }

  private async waitingRun({ content, ...session }: { content: string } & Record<string, unknown>) {
    const { as } = this.tenant;
    const { id } = (await as.post('/sessions', { model: 'offline', ...session }).expect(201)).json<{ id: string }>();
    const sent = await as.post(`/sessions/${id}/messages`, { content }).expect(202);
    return { as, ...sent.json<Waiting>() };
  }

  async acceptance(): Promise<KeyedPost> {
    const host = this.tenant.as;
    const { as, owner } = await this.given.tenant();
    await host.post('/members', { email: owner.email, role: 'viewer' }).expect(201);
    const [invitation] = (await as.get('/auth/invitations').expect(200)).json<{ data: { id: string }[] }>().data;
    const made = () => countOf(host, `/audit-logs?action=member.accepted&resourceId=${owner.userId}`);
    return { as, path: `/auth/invitations/${invitation?.id}/accept`, made };
  }

  async founding(): Promise<KeyedPost> {
    const as = await this.given.admin();
    const slug = `s-${randomUUID()}`;
    const body = { name: 'T', slug, owner: { email: `owner@${slug}.example.com` } };
    return { as, path: '/admin/tenants', body, made: () => countOf(as, '/admin/tenants') };
  }

  async restoring(): Promise<KeyedPost> {
    const as = await this.given.admin();
    const { tenantId } = await this.given.tenant();
    await as.delete(`/admin/tenants/${tenantId}`).expect(204);
    return { as, path: `/admin/tenants/${tenantId}/restore`, made: () => countOf(as, '/admin/tenants') };
  }
}
