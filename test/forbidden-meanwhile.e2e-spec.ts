import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { FakeMcp } from './mcp/fake-mcp.js';
import { eventually } from './platform-fixtures.js';
import { ProbeTools } from './probe-tools.js';
import { askAndWait, toTheEnd } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), EGRESS_ALLOW: '127.0.0.0/8' });
  probes = new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterEach(() => app.upstream.reset());
afterAll(() => app.close());

const DENYING = { rules: [{ tool: 'probe:say', action: 'deny' }] };

describe('A call that waits for a permission', () => {
  it.each<[string, (talk: Talk) => Promise<unknown>, RegExp]>([
    ['the tenant', ({ as }) => as.patch('/tenant', { permissionPolicy: DENYING }).expect(200), /not permitted here/],
    [
      'its agent',
      ({ as, agentId }) => as.patch(`/agents/${agentId}`, { permissionPolicy: DENYING }).expect(200),
      /not permitted here/,
    ],
    [
      'its session',
      ({ as, sessionId }) => as.patch(`/sessions/${sessionId}`, { permissionPolicy: DENYING }).expect(200),
      /not permitted here/,
    ],
    [
      'who switches its tool off',
      ({ as }) => as.patch('/tools/probe%3Asay', { enabled: false }).expect(200),
      /There is no tool named probe:say/,
    ],
  ])('is not made when %s forbids it meanwhile', async (who, forbid, output) => {
    const talk = await talks.start({ tools: ['probe:*'] });
    const { run, pendingPermissions } = await askAndWait(app, talk, ['probe__say', { words: who }]);
    await forbid(talk);
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, { decision: 'allow' }).expect(200);
    const end = await toTheEnd(talk.as, run.id);
    expect(end).toMatchObject({ run: { status: 'completed' }, results: [{ isError: true }] });
    expect(end.results[0]?.output).toMatch(output);
    expect(probes.count('say', who)).toBe(0);
  });

  it('is made when it is allowed meanwhile that others are', async () => {
    const talk = await talks.start({ tools: ['probe:*'] });
    const { run, pendingPermissions } = await askAndWait(app, talk, ['probe__say', { words: 'yes' }]);
    await talk.as.patch('/tenant', { permissionPolicy: { rules: [{ tool: 'probe:*', action: 'allow' }] } }).expect(200);
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, { decision: 'allow' }).expect(200);
    expect((await toTheEnd(talk.as, run.id)).results).toMatchObject([{ isError: false, output: 'yes' }]);
  });
});

describe('A call that a cancellation breaks off', () => {
  it('is on record with its server', async () => {
    const far = await new FakeMcp().start();
    far.tools = [{ name: 'hang', inputSchema: { type: 'object' } }];
    const talk = await talks.start({ tools: ['far:*'], permissionPolicy: { default: 'allow' } });
    const made = await talk.as.post('/mcp/servers', { name: 'far', transport: 'http', url: far.url }).expect(201);
    const serverId = made.json<{ id: string }>().id;
    await talk.as.get(`/mcp/servers/${serverId}/discover`).expect(200);
    app.upstream.enqueue({ steps: [{ toolUse: { name: 'far__hang' } }] });
    const sent = await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'Hi', background: true });
    const runId = sent.json<{ run: { id: string } }>().run.id;
    await eventually(
      () => far.count('tools/call'),
      (count) => count === 1,
    );
    await talk.as.post(`/runs/${runId}/cancel`).expect(200);
    const found = (await talk.as.get(`/mcp/executions?serverId=${serverId}`).expect(200)).json<{ data: [] }>();
    expect(found.data).toMatchObject([{ tool: 'far:hang', serverId, runId, isError: true }]);
    await far.stop();
  });
});
