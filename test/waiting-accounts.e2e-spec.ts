import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { Accounts } from './mcp-oauth/accounts.js';
import { ProtectedServer } from './mcp-oauth/protected-server.js';
import { saying } from './upstream/reply.js';
import { askAndWait, calling, toTheEnd, type ToolUse, type Waiting } from './waiting-runs.js';

const TOOLS = ['protected__audit', 'protected__search'];

let app: TestApp;
let talks: Conversations;
let far: ProtectedServer;
let accounts: Accounts;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8,::1/128' });
  talks = new Conversations(app);
}, 60_000);
beforeEach(async () => {
  far = await new ProtectedServer().start();
  accounts = new Accounts(app.url, far);
});
afterEach(async () => {
  app.upstream.reset();
  await far.stop();
});
afterAll(() => app.close());

describe('A run whose person has no account with a server', () => {
  it.each([
    ['all its tools', 'protected:*'],
    ['one of its tools', 'protected:search'],
  ])('waits with a link where the agent has %s, and goes on once it is connected', async (_which, pattern) => {
    const { talk, member, serverId, sessionId } = await withoutAccount([pattern]);
    const mine = { as: member.as, sessionId };
    const { run, pendingPermissions } = await askAndWait(app, mine, ['protected__connect', {}]);
    expect(run.status).toBe('waiting');
    expect(offeredTo(talk)).toEqual([['protected__connect']]);
    const [asked] = pendingPermissions;
    expect(asked).toMatchObject({
      status: 'pending',
      connect: { serverId, startUrl: `/api/v1/mcp/servers/${serverId}/oauth/start` },
    });
    await accounts.connect(member.as, serverId, 'bert');
    const end = await toTheEnd(member.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(end.types).toContain('permission.decided');
    expect(end.results).toMatchObject([
      { isError: false, output: 'The account is connected; the tools of the server can be used now.' },
    ]);
    expect((await member.as.get(`/permissions/${asked?.id}`)).json()).toMatchObject({
      ...{ status: 'allowed', decidedBy: member.userId },
    });
  });

  it('goes on without it when the server is deleted', async () => {
    const { talk, member, serverId, sessionId } = await withoutAccount();
    const { run, pendingPermissions } = await askAndWait(app, { as: member.as, sessionId }, ['protected__connect', {}]);
    expect(run.status).toBe('waiting');
    await talk.as.delete(`/mcp/servers/${serverId}`).expect(204);
    const end = await toTheEnd(member.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(end.results).toMatchObject([{ isError: true, output: 'The server is not there any more' }]);
    expect((await member.as.get(`/permissions/${pendingPermissions[0]?.id}`)).json()).toMatchObject({
      ...{ status: 'expired', decidedBy: null },
    });
  });
});

describe('A tool of such a server', () => {
  it('is called once the account is connected, in the same run and as the person', async () => {
    const { talk, member, serverId, sessionId } = await withoutAccount();
    const mine = { as: member.as, sessionId };
    const { run } = await begun(mine, [['protected__connect', {}]], [['protected__search', { query: 'tea' }]]);
    expect(run.status).toBe('waiting');
    await accounts.connect(member.as, serverId, 'bert');
    const end = await toTheEnd(member.as, run.id);
    expect(end.results.slice(1)).toMatchObject([
      { name: 'protected:search', isError: false, output: 'bert found tea' },
    ]);
    expect(offeredTo(talk).slice(1)).toEqual([TOOLS, TOOLS]);
    expect(far.called).toEqual([{ tool: 'search', person: 'bert' }]);
  });

  it('that the model knows of, and nobody here does yet, waits for the account and is called then', async () => {
    const { member, serverId, sessionId } = await withoutAccount(['protected:search']);
    const call = { tool: 'search', serverId, arguments: { query: 'tea' } };
    const refused = (await member.as.post('/mcp/execute', call).expect(409)).json();
    expect(refused).toMatchObject({ details: { startUrl: `/api/v1/mcp/servers/${serverId}/oauth/start` } });
    const { run, pendingPermissions } = await searching({ as: member.as, sessionId }, 'tea');
    expect(pendingPermissions).toMatchObject([{ tool: 'protected:search', connect: { serverId } }]);
    await accounts.connect(member.as, serverId, 'bert');
    const end = await toTheEnd(member.as, run.id);
    expect(end.results).toMatchObject([{ name: 'protected:search', isError: false, output: 'bert found tea' }]);
    await member.as.post('/mcp/execute', call).expect(200);
  });

  it('waits when the account is lost in the middle of a run, and is called when it is connected anew', async () => {
    const { member, serverId, sessionId } = await withAccount();
    far.afterCall = loseAccounts;
    const { run, pendingPermissions } = await searching({ as: member.as, sessionId }, 'tea', 'milk');
    expect(run.status).toBe('waiting');
    expect(pendingPermissions).toMatchObject([
      { tool: 'protected:search', input: { query: 'milk' }, connect: { serverId } },
    ]);
    far.issuer.refuses = null;
    await accounts.connect(member.as, serverId, 'bert');
    const end = await toTheEnd(member.as, run.id);
    expect(end.results).toMatchObject([
      { isError: false, output: 'bert found tea' },
      { isError: false, output: 'bert found milk' },
    ]);
    expect(far.called).toHaveLength(2);
  });

  it('that wants more than the account gives waits, and is called when that is given', async () => {
    const { member, serverId, sessionId } = await withAccount();
    const { run, pendingPermissions } = await begun({ as: member.as, sessionId }, [
      ['protected__audit', { query: 'tea' }],
    ]);
    expect(run.status).toBe('waiting');
    expect(pendingPermissions).toMatchObject([{ tool: 'protected:audit', connect: { serverId } }]);
    expect(far.called).toEqual([]);
    await accounts.connect(member.as, serverId, 'bert');
    const end = await toTheEnd(member.as, run.id);
    expect(end.results).toMatchObject([{ name: 'protected:audit', isError: false, output: 'bert found tea' }]);
    expect(far.called).toEqual([{ tool: 'audit', person: 'bert' }]);
  });

  it('that is gone when the account is connected anew was not called, and the model is told so', async () => {
    const { talk, member, serverId, sessionId } = await withAccount();
    far.afterCall = loseAccounts;
    const { run } = await searching({ as: member.as, sessionId }, 'tea', 'milk');
    expect(run.status).toBe('waiting');
    far.issuer.refuses = null;
    far.tools = ['audit'];
    // Whatever is known of its tools is asked for anew.
    await talk.as.patch(`/mcp/servers/${serverId}`, { timeoutMs: 20_000 }).expect(200);
    await accounts.connect(member.as, serverId, 'bert');
    const end = await toTheEnd(member.as, run.id);
    expect(end.results[1]).toMatchObject({ isError: true, output: 'There is no tool named protected:search' });
    expect(far.called).toHaveLength(1);
  });

  it('that is called directly does not wait, and says where the account is connected', async () => {
    const { member, serverId } = await withAccount();
    const call = { serverId, tool: 'search', arguments: { query: 'tea' } };
    await member.as.get(`/mcp/servers/${serverId}/discover`).expect(200);
    loseAccounts();
    const answer = await member.as.post('/mcp/execute', call).expect(409);
    expect(answer.json()).toMatchObject({
      details: { serverId, startUrl: `/api/v1/mcp/servers/${serverId}/oauth/start` },
    });
    far.issuer.refuses = null;
    await accounts.connect(member.as, serverId, 'bert');
    expect((await member.as.post('/mcp/execute', call).expect(200)).json()).toMatchObject({
      content: [{ text: 'bert found tea' }],
    });
  });

  it('that is disabled is nothing to connect an account for', async () => {
    const { talk, member, sessionId } = await withoutAccount(['protected:search']);
    await talk.as.patch('/tools/protected%3Asearch', { enabled: false }).expect(200);
    await talks.ask({ as: member.as, sessionId }, [saying('So')]);
    expect(offeredTo(talk)).toEqual([[]]);
    await talk.as.patch(`/agents/${talk.agentId}`, { tools: ['protected:search', 'protected:audit'] }).expect(200);
    await talks.ask({ as: member.as, sessionId }, [saying('So')]);
    expect(offeredTo(talk).at(-1)).toEqual(['protected__connect']);
  });
});

/** The server and who gives access to it forget everybody. */
function loseAccounts(): void {
  far.issuer.endAccessTokens();
  far.issuer.refuses = 'refresh';
}

function searching(talk: Pick<Talk, 'as' | 'sessionId'>, ...queries: string[]): Promise<Waiting> {
  return begun(talk, ...queries.map((query): ToolUse[] => [['protected__search', { query }]]));
}

/** A run in which the model makes these calls, turn by turn, until it has to wait. */
async function begun({ as, sessionId }: Pick<Talk, 'as' | 'sessionId'>, ...turns: ToolUse[][]): Promise<Waiting> {
  app.upstream.enqueue(...turns.map((calls) => calling(...calls)), saying('So'));
  return (await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(202)).json<Waiting>();
}

/** What the model was offered, each time it was asked. */
function offeredTo({ model }: Pick<Talk, 'model'>): string[][] {
  return talks.sent(model).map(({ tools = [] }) => tools.map(({ name }) => name).sort());
}

async function withAccount() {
  const started = await withoutAccount();
  await accounts.connect(started.member.as, started.serverId, 'bert');
  return started;
}

/** The owner knows the tools of the server; the member, who has no account with it, does not. */
async function withoutAccount(tools = ['protected:*']) {
  const talk = await talks.start({ tools, permissionPolicy: { default: 'allow' } });
  const member = await talks.given.member(talk, 'member');
  const serverId = await accounts.serverWith(talk.as, 'user');
  await accounts.connect(talk.as, serverId, 'alice');
  await talk.as.get(`/mcp/servers/${serverId}/discover`).expect(200);
  const session = await member.as.post('/sessions', { agentId: talk.agentId }).expect(201);
  return { talk, member, serverId, sessionId: session.json<{ id: string }>().id };
}
