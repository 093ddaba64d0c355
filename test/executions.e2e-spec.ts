import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { ExecutionDto, ExecutedToolDto } from '../src/modules/sessions/executions/executions.dto.js';
import type { ToolDto } from '../src/modules/tools/tools.dto.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels } from './conversations.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { blocksOf } from './upstream/messages-api.js';
import { saying } from './upstream/reply.js';
import { calling } from './waiting-runs.js';

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

const add = (a: unknown, b: unknown) => ({ serverId: 'calculator', tool: 'add', arguments: { a, b } });
const say = (words: string) => ({ serverId: 'probe', tool: 'say', arguments: { words } });
const listed = async (as: Client, query: string) =>
  (await as.get(`/mcp/executions?${query}`).expect(200)).json<{ data: ExecutionDto[] }>().data;

describe('A tool called directly', () => {
  it('answers as its server does, and is recorded', async () => {
    const { as, owner } = await talks.given.tenant();
    const done = (await as.post('/mcp/execute', add(1, '2.5')).expect(200)).json<ExecutedToolDto>();
    expect(done).toMatchObject({ isError: false, content: [{ type: 'text', text: '3.5' }], structuredContent: null });
    const kept = (await as.get(`/mcp/executions/${done.executionId}`).expect(200)).json();
    expect(kept).toMatchObject({
      ...{ id: done.executionId, serverId: 'calculator', tool: 'calculator:add', arguments: { a: 1, b: '2.5' } },
      ...{ isError: false, output: '3.5', decision: 'allow', decidedBy: owner.userId, sessionId: null, runId: null },
    });
    const failed = (await as.post('/mcp/execute', { ...add(1, 0), tool: 'divide' }).expect(200)).json();
    expect(failed).toMatchObject({ isError: true, content: [{ type: 'text', text: 'Division by zero' }] });
  });

  it('is refused with what is wrong about the call', async () => {
    const talk = await talks.start();
    const { as } = talk;
    const refused = async (body: object, status: number) => (await as.post('/mcp/execute', body).expect(status)).json();
    const at = (field: string) => ({ code: 'validation_error', validationErrors: [{ field }] });
    expect(await refused(add(1, { x: 1 }), 422)).toMatchObject(at('arguments'));
    expect(await refused({ ...add(1, 2), tool: 'calculator:add' }, 422)).toMatchObject(at('tool'));
    expect(await refused({ ...add(1, 2), serverId: 'nowhere' }, 422)).toMatchObject(at('serverId'));
    expect(await refused({ ...add(1, 2), serverId: 'client' }, 422)).toMatchObject(at('serverId'));
    const stranger = await talks.start();
    expect(await refused({ ...add(1, 2), sessionId: stranger.sessionId }, 422)).toMatchObject(at('sessionId'));
    await as.patch('/tools/calculator%3Aadd', { enabled: false }).expect(200);
    expect(await refused(add(1, 2), 409)).toMatchObject({ code: 'conflict' });
    await as.patch('/tenant', { permissionPolicy: { rules: [{ tool: 'probe:*', action: 'deny' }] } }).expect(200);
    expect(await refused(say('forbidden'), 403)).toMatchObject({ code: 'authorization_error' });
    expect(probes.count('say', 'forbidden')).toBe(0);
    const [denied] = await listed(as, 'tool=probe:say');
    expect(denied).toMatchObject({ isError: true, decision: 'deny', decidedBy: 'policy' });
  });

  it('needs nobody to be asked', async () => {
    const { as } = await talks.given.tenant();
    await as.patch('/tenant', { permissionPolicy: { default: 'ask' } }).expect(200);
    expect((await as.post('/mcp/execute', say('unasked')).expect(200)).json()).toMatchObject({ isError: false });
  });

  it('is carried out once for one key', async () => {
    const { as } = await talks.given.tenant();
    const key = { 'idempotency-key': 'one-call' };
    const first = await as.post('/mcp/execute', say('keyed'), key).expect(200);
    const again = await as.post('/mcp/execute', say('keyed'), key).expect(200);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.json()).toEqual(first.json());
    expect(probes.count('say', 'keyed')).toBe(1);
  });

  it('is for members, and shown to those whose it is', async () => {
    const tenant = await talks.given.tenant();
    const [viewer, member, other] = [
      await talks.given.member(tenant, 'viewer'),
      await talks.given.member(tenant, 'member'),
      await talks.given.member(tenant, 'member'),
    ];
    await viewer.as.post('/mcp/execute', add(1, 2)).expect(403);
    const { executionId } = (await member.as.post('/mcp/execute', add(1, 2)).expect(200)).json<ExecutedToolDto>();
    await member.as.get(`/mcp/executions/${executionId}`).expect(200);
    await tenant.as.get(`/mcp/executions/${executionId}`).expect(200);
    await other.as.get(`/mcp/executions/${executionId}`).expect(404);
    await other.as.get(`/mcp/executions/${executionId}/output`).expect(404);
    expect(await listed(other.as, '')).toEqual([]);
  });
});

describe('An output of more than 1 MiB', () => {
  const characters = 600_000;

  it('is shown by its beginning, and kept whole', async () => {
    const { as } = await talks.given.tenant();
    const body = { serverId: 'probe', tool: 'huge', arguments: { characters } };
    const done = (await as.post('/mcp/execute', body).expect(200)).json<
      ExecutedToolDto & { content: [{ text: string }] }
    >();
    expect(done).toMatchObject({ truncated: true, outputUrl: `/api/v1/mcp/executions/${done.executionId}/output` });
    expect(/^(😀)+$/u.test(done.content[0].text)).toBe(true);
    expect(done.content[0].text.length).toBeLessThan(200_000);
    const whole = await as.get(`/mcp/executions/${done.executionId}/output`).expect(200);
    expect(whole.text === '😀'.repeat(characters)).toBe(true);
    expect(whole.headers.get('content-type')).toBe('text/plain; charset=utf-8');
  });

  it('of a run is cut in its message and its events too, and its model reads the beginning', async () => {
    const talk = await talks.start(PROBES);
    const { message, events } = await talks.ask(talk, [calling(['probe__huge', { characters }]), saying('So')]);
    const [call] = message?.toolCalls ?? [];
    expect(call).toMatchObject({ truncated: true });
    const result = events.find(({ type }) => type === 'tool.result')?.data;
    expect(result).toMatchObject({ truncated: true, outputUrl: call?.outputUrl, output: call?.output });
    const path = call?.outputUrl?.replace('/api/v1', '') ?? '';
    expect((await talk.as.get(path).expect(200)).text === '😀'.repeat(characters)).toBe(true);
    const last = talks.sent(talk.model).at(-1)?.messages.at(-1);
    expect(/^(😀)+\n\[cut: it goes on/u.test(String(last && blocksOf(last)[0]?.content))).toBe(true);
  });
});

describe('The record of calls', () => {
  it('holds those of runs, and is found by what they were', async () => {
    const talk = await talks.start({ ...PROBES, tools: ['probe:*', 'calculator:*'] });
    const { run } = await talks.ask(talk, [
      calling(['probe__say', { words: 'recorded' }], ['calculator__add', { a: 1, b: 2 }]),
      saying('So'),
    ]);
    await talk.as.post('/mcp/execute', add(3, 4)).expect(200);
    const ofRun = await listed(talk.as, `runId=${run.id}`);
    expect(ofRun).toHaveLength(2);
    expect(ofRun.find(({ tool }) => tool === 'probe:say')).toMatchObject({
      ...{ serverId: 'probe', arguments: { words: 'recorded' }, output: 'recorded', isError: false },
      ...{ decision: 'allow', decidedBy: 'policy', sessionId: talk.sessionId, runId: run.id },
    });
    expect(await listed(talk.as, 'serverId=calculator')).toHaveLength(2);
    expect(await listed(talk.as, 'tool=calculator:add')).toHaveLength(2);
    expect(await listed(talk.as, `sessionId=${talk.sessionId}`)).toHaveLength(2);
    expect(await listed(talk.as, `runId=${talk.tenantId}`)).toEqual([]);
    await talk.as.get('/mcp/executions?runId=nonsense').expect(422);
    const stranger = await talks.given.tenant();
    expect(await listed(stranger.as, `runId=${run.id}`)).toEqual([]);
  });
});

describe('The list of tools', () => {
  const tools = async (as: Client) =>
    new Map(
      (await as.get('/tools?limit=100').expect(200)).json<{ data: ToolDto[] }>().data.map((tool) => [tool.name, tool]),
    );

  it('names every tool by its server, and pages', async () => {
    const { as } = await talks.given.tenant();
    const all = await tools(as);
    expect(all.get('calculator:add')).toMatchObject({ source: 'builtin', enabled: true, changed: false });
    expect([...all.keys()]).toEqual([...all.keys()].sort());
    const first = (await as.get('/tools?limit=3').expect(200)).json<{ data: ToolDto[]; nextCursor: string }>();
    const second = (await as.get(`/tools?limit=3&cursor=${first.nextCursor}`).expect(200)).json<{ data: ToolDto[] }>();
    expect([...first.data, ...second.data].map(({ name }) => name)).toEqual([...all.keys()].slice(0, 6));
  });

  it('says which are given to agents, and takes them away', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const member = await talks.given.member(talk, 'member');
    await member.as.patch('/tools/calculator%3Aadd', { enabled: false }).expect(403);
    await talk.as.patch('/tools/calculator%3Amodulo', { enabled: false }).expect(404);
    const off = await talk.as.patch('/tools/calculator%3Aadd', { enabled: false }).expect(200);
    expect(off.json()).toMatchObject({ name: 'calculator:add', enabled: false });
    const { results } = await talks.ask(talk, [calling(['calculator__add', { a: 1, b: 2 }]), saying('So')]);
    expect(results[0]?.output).toContain('There is no tool named');
    expect(talks.sent(talk.model)[0]?.tools?.map(({ name }) => name)).not.toContain('calculator__add');
    await talk.as.patch('/tools/calculator%3Aadd', { enabled: true }).expect(200);
    const { results: then } = await talks.ask(talk, [calling(['calculator__add', { a: 1, b: 2 }]), saying('So')]);
    expect(then).toMatchObject([{ output: '3' }]);
  });
});
