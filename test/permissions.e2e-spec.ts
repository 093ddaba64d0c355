import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { PermissionDto } from '../src/modules/sessions/permissions/permissions.dto.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { ProbeTools } from './probe-tools.js';
import { blocksOf } from './upstream/messages-api.js';
import { saying } from './upstream/reply.js';
import { askAndWait, calling, dataOf, toTheEnd, type ToolUse } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp(manyModels());
  probes = new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterEach(() => app.upstream.reset());
afterAll(() => app.close());

const ASKING = { tools: ['probe:*', 'calculator:*'] };
const say = (words: string): ToolUse => ['probe__say', { words }];
const statusOf = async ({ as, sessionId }: Talk) =>
  (await as.get(`/sessions/${sessionId}`).expect(200)).json<{ status: string }>().status;
const permissionOf = async ({ as }: Talk, id: string) =>
  (await as.get(`/permissions/${id}`).expect(200)).json<PermissionDto>();

describe('A tool that a person has to permit', () => {
  it('makes the run wait, and goes on where it stood once it is allowed', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions, pendingToolCalls } = await askAndWait(app, talk, say('allowed one'), [
      'calculator__add',
      { a: 1, b: 2 },
    ]);
    expect(run.status).toBe('waiting');
    expect(await statusOf(talk)).toBe('waiting');
    expect(pendingToolCalls).toEqual([]);
    expect(pendingPermissions).toMatchObject([
      {
        ...{ sessionId: talk.sessionId, rootSessionId: talk.sessionId, runId: run.id, tool: 'probe:say' },
        ...{ input: { words: 'allowed one' }, status: 'pending', decidedBy: null, reason: null, expiresAt: null },
      },
    ]);
    expect(probes.count('say', 'allowed one')).toBe(0);
    const id = pendingPermissions[0]?.id ?? '';
    const decided = (await talk.as.post(`/permissions/${id}`, { decision: 'allow' }).expect(200)).json();
    expect(decided).toMatchObject({ id, status: 'allowed', decidedBy: talk.owner.userId });
    const end = await toTheEnd(talk.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(probes.count('say', 'allowed one')).toBe(1);
    const types = end.types.filter((type) => !/^(message|usage|thinking)/.test(type));
    expect(types).toEqual([
      ...['run.started', 'tool.call', 'tool.call'],
      ...types.slice(3, 5),
      ...['run.waiting', 'permission.decided', 'run.resumed', 'tool.result', 'run.completed'],
    ]);
    expect(types.slice(3, 5).sort()).toEqual(['permission.requested', 'tool.result']);
    expect(dataOf<{ permission: PermissionDto }>(end.events, 'permission.decided')[0]?.permission).toEqual(decided);
    expect(end.message?.toolCalls).toMatchObject([
      { name: 'probe:say', status: 'completed', isError: false, output: 'allowed one' },
      { name: 'calculator:add', output: '3' },
    ]);
    expect(await statusOf(talk)).toBe('active');
    const { data } = (await talk.as.get(`/mcp/executions?runId=${run.id}&serverId=probe`)).json<{ data: object[] }>();
    expect(data).toMatchObject([{ tool: 'probe:say', decision: 'allow', decidedBy: talk.owner.userId }]);
  });

  it('is told to be allowed, or denied, also where the run is stopped before it waits', async () => {
    for (const decision of ['allow', 'deny']) {
      const rules = [{ tool: 'probe:wait', action: 'allow' }];
      const talk = await talks.start({ ...ASKING, permissionPolicy: { default: 'ask', rules } });
      app.upstream.enqueue(calling(say(`${decision} and stop`), ['probe__wait']));
      const body = { content: 'Hi', background: true };
      const sent = await talk.as.post(`/sessions/${talk.sessionId}/messages`, body).expect(202);
      const { run } = sent.json<{ run: { id: string } }>();
      const asked = await eventually(
        async () => (await talk.as.get('/permissions?status=pending')).json<{ data: PermissionDto[] }>().data[0],
        (found) => found !== undefined,
      );
      const decided = (await talk.as.post(`/permissions/${asked?.id}`, { decision }).expect(200)).json();
      await talk.as.post(`/runs/${run.id}/cancel`).expect(200);
      const { events, results, message } = await toTheEnd(talk.as, run.id);
      expect(dataOf<object>(events, 'permission.decided')).toEqual([{ permission: decided }]);
      const output = 'The user did not permit probe:say';
      expect(results.filter(({ name }) => name === 'probe:say')).toMatchObject(
        decision === 'deny' ? [{ isError: true, output }] : [],
      );
      expect(message?.toolCalls[0]).toMatchObject(
        decision === 'deny' ? { status: 'failed', output } : { status: 'cancelled', output: null },
      );
      expect(probes.count('say', `${decision} and stop`)).toBe(0);
    }
  });

  it('is not called when it is denied, and the model is told why', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('denied one'));
    const body = { decision: 'deny', reason: 'not on a Sunday' };
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, body).expect(200);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(probes.count('say', 'denied one')).toBe(0);
    const output = 'The user did not permit probe:say: not on a Sunday';
    expect(end.results).toMatchObject([{ name: 'probe:say', isError: true, output }]);
    const last = talks.sent(talk.model).at(-1)?.messages.at(-1);
    expect(last && blocksOf(last)).toMatchObject([{ type: 'tool_result', is_error: true, content: output }]);
  });

  it('is asked for several times at once, and the run goes on when all are answered', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('first'), say('second'), say('third'));
    const ids = new Map(pendingPermissions.map(({ id, input }) => [input['words'], id]));
    await talk.as.post(`/permissions/${ids.get('second')}`, { decision: 'deny' }).expect(200);
    await talk.as.post(`/permissions/${ids.get('first')}`, { decision: 'allow' }).expect(200);
    expect((await talk.as.get(`/runs/${run.id}`)).json()).toMatchObject({ status: 'waiting' });
    expect(probes.count('say', 'first')).toBe(0);
    await talk.as.post(`/permissions/${ids.get('third')}`, { decision: 'allow' }).expect(200);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.types.filter((type) => type === 'permission.decided')).toHaveLength(3);
    expect(end.types.filter((type) => type === 'run.resumed')).toHaveLength(1);
    expect(end.message?.toolCalls.map(({ output }) => output)).toEqual([
      ...['first', 'The user did not permit probe:say', 'third'],
    ]);
  });

  it('is answered while the run still works on another call', async () => {
    const talk = await talks.start(ASKING);
    const rules = [{ tool: 'probe:meet', action: 'allow' }];
    await talk.as.patch(`/agents/${talk.agentId}`, { permissionPolicy: { default: 'ask', rules } }).expect(200);
    app.upstream.enqueue(calling(say('early'), ['probe__meet', { me: 'early', other: 'test' }]), saying('So'));
    const body = { content: 'Hi', background: true };
    const { run } = (await talk.as.post(`/sessions/${talk.sessionId}/messages`, body).expect(202)).json<{
      run: { id: string };
    }>();
    let pending: PermissionDto[] = [];
    while (pending.length === 0) {
      const query = `status=pending&sessionId=${talk.sessionId}`;
      pending = (await talk.as.get(`/permissions?${query}`).expect(200)).json<{ data: PermissionDto[] }>().data;
    }
    await talk.as.post(`/permissions/${pending[0]?.id}`, { decision: 'allow' }).expect(200);
    await probes.call('meet', { me: 'test', other: 'early' }, new AbortController().signal);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(end.types.filter((type) => type === 'permission.decided')).toHaveLength(1);
    expect(probes.count('say', 'early')).toBe(1);
  });

  it.each(['session', 'agent'] as const)('is remembered for the %s, with any input', async (remember) => {
    const talk = await talks.start(ASKING);
    const first = await askAndWait(app, talk, say(`${remember} 1`));
    await talk.as.post(`/permissions/${first.pendingPermissions[0]?.id}`, { decision: 'allow', remember }).expect(200);
    await toTheEnd(talk.as, first.run.id);
    const second = await talks.ask(talk, [calling(say(`${remember} 2`)), saying('So')]);
    expect(second.results).toMatchObject([{ output: `${remember} 2` }]);
    const other = (await talk.as.post('/sessions', { agentId: talk.agentId }).expect(201)).json<{ id: string }>().id;
    const elsewhere = { ...talk, sessionId: other };
    if (remember === 'agent') {
      expect((await talks.ask(elsewhere, [calling(say('there')), saying('So')])).results).toHaveLength(1);
    } else {
      expect((await askAndWait(app, elsewhere, say('there'))).pendingPermissions).toHaveLength(1);
    }
  });

  it('stays forbidden where a rule denies it, whatever is remembered', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('once'));
    const body = { decision: 'allow', remember: 'session' };
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, body).expect(200);
    await toTheEnd(talk.as, run.id);
    await talk.as.patch('/tenant', { permissionPolicy: { rules: [{ tool: 'probe:*', action: 'deny' }] } }).expect(200);
    const { results } = await talks.ask(talk, [calling(say('again')), saying('So')]);
    expect(results).toMatchObject([{ isError: true, output: 'The tool probe:say is not permitted here' }]);
  });
});

describe('A permission', () => {
  it('is decided once, and by nobody after its run was cancelled', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('a'), say('b'));
    const [a, b] = pendingPermissions.map(({ id }) => id);
    const deciding = ['allow', 'deny', 'allow'].map((decision) => talk.as.post(`/permissions/${a}`, { decision }));
    const statuses = (await Promise.all(deciding)).map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 409, 409]);
    const cancelled = (await talk.as.post(`/runs/${run.id}/cancel`).expect(200)).json();
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    expect(await permissionOf(talk, b ?? '')).toMatchObject({ status: 'cancelled' });
    await talk.as.post(`/permissions/${b}`, { decision: 'allow' }).expect(409);
    expect(await statusOf(talk)).toBe('active');
    expect(probes.count('say', 'b')).toBe(0);
  });

  it('is shown to and decided by those who see its session and may', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('private'));
    const id = pendingPermissions[0]?.id ?? '';
    const member = await talks.given.member(talk, 'member');
    const viewer = await talks.given.member(talk, 'viewer');
    const stranger = await talks.given.tenant();
    for (const { as } of [member, stranger]) {
      await as.get(`/permissions/${id}`).expect(404);
      await as.post(`/permissions/${id}`, { decision: 'allow' }).expect(404);
      expect((await as.get('/permissions').expect(200)).json<{ data: [] }>().data).toEqual([]);
      expect((await as.get(`/permissions?sessionId=${talk.sessionId}`)).json()).toMatchObject({ data: [] });
    }
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    await viewer.as.get(`/permissions/${id}`).expect(200);
    await viewer.as.post(`/permissions/${id}`, { decision: 'allow' }).expect(403);
    await member.as.post(`/permissions/${id}`, { decision: 'allow', remember: 'agent' }).expect(403);
    await member.as.post(`/permissions/${id}`, { decision: 'perhaps' }).expect(422);
    await member.as.post(`/permissions/${id}`, { decision: 'allow' }).expect(200);
    expect(await permissionOf(talk, id)).toMatchObject({ decidedBy: member.userId });
    expect((await toTheEnd(talk.as, run.id)).run.status).toBe('completed');
    const log = (await talk.as.get(`/audit-logs?resourceId=${id}`).expect(200)).json<{ data: { action: string }[] }>();
    expect(log.data.map(({ action }) => action).sort()).toEqual(['permission.decided', 'permission.requested']);
  });

  it('does not make a paused session go on', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('paused'));
    await talk.as.post(`/sessions/${talk.sessionId}/pause`).expect(200);
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, { decision: 'allow' }).expect(200);
    expect((await talk.as.get(`/runs/${run.id}`)).json()).toMatchObject({ status: 'waiting' });
    expect(await statusOf(talk)).toBe('paused');
    const resumed = (await talk.as.post(`/sessions/${talk.sessionId}/resume`).expect(200)).json();
    expect(resumed).toMatchObject({ status: 'processing' });
    expect((await toTheEnd(talk.as, run.id)).results).toMatchObject([{ output: 'paused' }]);
  });

  it('is still waited for when its paused session is resumed', async () => {
    const talk = await talks.start(ASKING);
    const { run, pendingPermissions } = await askAndWait(app, talk, say('resumed'));
    await talk.as.post(`/sessions/${talk.sessionId}/pause`).expect(200);
    const resumed = (await talk.as.post(`/sessions/${talk.sessionId}/resume`).expect(200)).json();
    expect(resumed).toMatchObject({ status: 'waiting' });
    expect((await talk.as.get(`/runs/${run.id}`)).json()).toMatchObject({ status: 'waiting' });
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, { decision: 'allow' }).expect(200);
    expect((await toTheEnd(talk.as, run.id)).results).toMatchObject([{ output: 'resumed' }]);
  });
});
