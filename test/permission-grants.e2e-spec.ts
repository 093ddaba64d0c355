import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PermissionGrantDto } from '../src/modules/sessions/permissions/permission-grants.dto.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { FakeMcp } from './mcp/fake-mcp.js';
import { ProbeTools } from './probe-tools.js';
import { saying } from './upstream/reply.js';
import { askAndWait, calling, toTheEnd, type ToolUse } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' });
  new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterEach(() => app.upstream.reset());
afterAll(() => app.close());

const ASKING = { tools: ['probe:*'] };
const CALL: ToolUse = ['probe__say', { words: 'hello' }];

/** A person permits the tool for good. */
async function permitted(talk: Talk, remember: 'session' | 'agent', call = CALL): Promise<void> {
  const { run, pendingPermissions } = await askAndWait(app, talk, call);
  await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, { decision: 'allow', remember }).expect(200);
  await toTheEnd(talk.as, run.id);
}

async function grantsOf(as: Client, query = ''): Promise<PermissionGrantDto[]> {
  return (await as.get(`/permission-grants${query}`).expect(200)).json<{ data: PermissionGrantDto[] }>().data;
}

describe('What a person has permitted for good', () => {
  it.each(['session', 'agent'] as const)('for the %s is shown, and taken back', async (remember) => {
    const talk = await talks.start(ASKING);
    await permitted(talk, remember);
    const of = remember === 'session' ? talk.sessionId : talk.agentId;
    const grants = await grantsOf(talk.as, `?${remember}Id=${of}`);
    expect(grants).toEqual([
      {
        ...{ id: expect.any(String), sessionId: null, agentId: null, [`${remember}Id`]: of, tool: 'probe:say' },
        ...{ grantedBy: talk.owner.userId, createdAt: expect.stringMatching(/Z$/) },
      },
    ]);
    expect((await talks.ask(talk, [calling(CALL), saying('So')])).results).toMatchObject([{ output: 'hello' }]);
    const id = grants[0]?.id ?? '';
    await talk.as.delete(`/permission-grants/${id}`).expect(204);
    await talk.as.delete(`/permission-grants/${id}`).expect(404);
    expect(await grantsOf(talk.as)).toEqual([]);
    expect((await askAndWait(app, talk, CALL)).pendingPermissions).toHaveLength(1);
    const log = (await talk.as.get(`/audit-logs?resourceId=${id}`).expect(200)).json<{ data: object[] }>();
    expect(log.data).toMatchObject([{ action: 'permission.grantRevoked', resourceType: 'permissionGrant' }]);
  });

  it('is the tool as it was then: one that has changed is asked for again', async () => {
    const far = await new FakeMcp().start();
    const talk = await talks.start({ tools: ['far:*'] });
    const body = { name: 'far', transport: 'http', url: far.url, toolPolicy: { onChange: 'ask' } };
    const { id } = (await talk.as.post('/mcp/servers', body).expect(201)).json<{ id: string }>();
    await talk.as.get(`/mcp/servers/${id}/discover`).expect(200);
    const call: ToolUse = ['far__echo', {}];
    await permitted(talk, 'session', call);
    expect((await talks.ask(talk, [calling(call), saying('So')])).results).toMatchObject([{ name: 'far:echo' }]);
    far.tools = far.tools.map((tool) => ({ ...tool, description: 'Deletes it all' }));
    await talk.as.get(`/mcp/servers/${id}/discover`).expect(200);
    expect((await askAndWait(app, talk, call)).pendingPermissions).toMatchObject([{ tool: 'far:echo' }]);
    await far.stop();
  });

  it('is shown to those who see where it holds, and taken back by those who may', async () => {
    const talk = await talks.start(ASKING);
    await permitted(talk, 'session');
    await permitted({ ...talk, sessionId: await another(talk) }, 'agent');
    const [ofAgent, ofSession] = await grantsOf(talk.as);
    const [member, viewer] = [await talks.given.member(talk, 'member'), await talks.given.member(talk, 'viewer')];
    for (const { as } of [member, viewer]) expect(await grantsOf(as)).toEqual([ofAgent]);
    const stranger = await talks.given.tenant();
    expect(await grantsOf(stranger.as)).toEqual([]);
    expect(await grantsOf(stranger.as, `?agentId=${talk.agentId}`)).toEqual([]);
    for (const grant of [ofAgent, ofSession]) await stranger.as.delete(`/permission-grants/${grant?.id}`).expect(404);
    await member.as.delete(`/permission-grants/${ofSession?.id}`).expect(404);
    await viewer.as.delete(`/permission-grants/${ofAgent?.id}`).expect(403);
    const refused = (await member.as.delete(`/permission-grants/${ofAgent?.id}`).expect(403)).json();
    expect(refused).toMatchObject({ details: { permission: 'agents:update' } });
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    expect(await grantsOf(viewer.as)).toEqual([ofAgent, ofSession]);
    await viewer.as.delete(`/permission-grants/${ofSession?.id}`).expect(403);
    await member.as.delete(`/permission-grants/${ofSession?.id}`).expect(204);
    expect(await grantsOf(talk.as)).toEqual([ofAgent]);
  });

  it('is shown page by page, by what it holds for', async () => {
    const talk = await talks.start(ASKING);
    await permitted(talk, 'session');
    await permitted({ ...talk, sessionId: await another(talk) }, 'agent');
    const all = await grantsOf(talk.as);
    const first = (await talk.as.get('/permission-grants?limit=1').expect(200)).json<{ nextCursor: string }>();
    const second = await grantsOf(talk.as, `?limit=1&cursor=${first.nextCursor}`);
    expect([first, second]).toMatchObject([{ data: [all[0]] }, [all[1]]]);
    expect(await grantsOf(talk.as, `?sessionId=${talk.sessionId}&agentId=${talk.agentId}`)).toEqual([]);
    expect(await grantsOf(talk.as, `?agentId=${randomUUID()}`)).toEqual([]);
    for (const field of ['sessionId', 'agentId'])
      expect(faultyFields(await talk.as.get(`/permission-grants?${field}=mine`).expect(422))).toEqual([field]);
  });

  it('is taken back once, by whichever of many is first, and goes with its session', async () => {
    const talk = await talks.start(ASKING);
    await permitted(talk, 'session');
    const [grant] = await grantsOf(talk.as);
    const taking = [1, 2, 3].map(() => talk.as.delete(`/permission-grants/${grant?.id}`));
    expect((await Promise.all(taking)).map(({ status }) => status).sort()).toEqual([204, 404, 404]);
    await permitted(talk, 'session');
    const [again] = await grantsOf(talk.as);
    await talk.as.delete(`/sessions/${talk.sessionId}`).expect(204);
    expect(await grantsOf(talk.as)).toEqual([]);
    await talk.as.delete(`/permission-grants/${again?.id}`).expect(404);
  });
});

async function another({ as, agentId }: Talk): Promise<string> {
  return (await as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>().id;
}
