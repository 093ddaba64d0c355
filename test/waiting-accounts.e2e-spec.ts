import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { Accounts } from './mcp-oauth/accounts.js';
import { ProtectedServer } from './mcp-oauth/protected-server.js';
import { askAndWait, toTheEnd } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;
let far: ProtectedServer;
let accounts: Accounts;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8,::1/128' });
  talks = new Conversations(app);
  far = await new ProtectedServer().start();
  accounts = new Accounts(app.url, far);
}, 60_000);
afterEach(() => app.upstream.reset());
afterAll(async () => {
  await far.stop();
  await app.close();
});

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

/** What the model was offered, each time it was asked. */
function offeredTo({ model }: Pick<Talk, 'model'>): string[][] {
  return talks.sent(model).map(({ tools = [] }) => tools.map(({ name }) => name).sort());
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
