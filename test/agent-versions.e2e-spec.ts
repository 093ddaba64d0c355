import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import type { AgentDto } from '../src/modules/agents/agents.dto.js';
import type { AgentVersionDto } from '../src/modules/agents/agent-versions.dto.js';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { allEvents } from './sse.js';
import { told } from './told.js';
import type { Block, MessagesRequest } from './upstream/messages-api.js';
import { calling, saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
  probes = new ProbeTools(app);
}, 60_000);
afterAll(() => app.close());

/** Every field other than by default. */
const DEFINITION = {
  description: 'Adds',
  systemPrompt: 'Add up.',
  model: 'offline',
  fallbackModels: ['offline:offline'],
  temperature: 0.25,
  capabilities: ['sums'],
  tools: ['calculator:*', 'nowhere:at all'],
  permissionPolicy: { default: 'deny', rules: [{ tool: 'calculator:*', arguments: { '$.a': '1*' }, action: 'allow' }] },
  outputSchema: {
    type: 'object',
    properties: { sum: { $ref: '#/$defs/number' } },
    $defs: { number: { type: 'number' } },
  },
  resourceLimits: { maxTokens: null, maxTurns: 3, maxExecutionTimeMs: null, maxCostMicros: 7 },
  metadata: { '': [1, { a: null }], deep: { constructor: 'x' } },
};

async function made(as: Client, body: object): Promise<AgentDto> {
  return (await as.post('/agents', body).expect(201)).json<AgentDto>();
}

async function versions(as: Client, id: string, query = ''): Promise<Listed<AgentVersionDto>> {
  return (await as.get(`/agents/${id}/versions${query}`).expect(200)).json<Listed<AgentVersionDto>>();
}

async function actions(as: Client, id: string): Promise<unknown[]> {
  const log = (await as.get(`/audit-logs?resourceId=${id}`).expect(200)).json<Listed<Record<string, unknown>>>();
  return log.data.map(({ action, actorId, changes }) => ({ action, actorId, changes }));
}

/** A version 99 with what was there once and is no more. */
async function outdated({ tenantId, agentId }: { tenantId: string; agentId: string }, part: object): Promise<void> {
  const db = app.nest.get(Db, { strict: false });
  await runAs(Actor.job(tenantId), () =>
    db.run(() =>
      db.sql(
        `INSERT INTO agent_versions (tenant_id, agent_id, version, name, definition)
         SELECT tenant_id, agent_id, 99, name, definition || :part::jsonb FROM agent_versions
         WHERE tenant_id = :tenantId AND agent_id = :agentId`,
        { agentId, part: JSON.stringify(part) },
      ),
    ),
  );
}

describe('The versions of an agent', () => {
  it('are not made by a body that changes nothing', async () => {
    const { as, agentId } = await talks.given.agent();
    expect((await as.patch(`/agents/${agentId}`, {}).expect(200)).json()).toMatchObject({ version: 1 });
    expect((await versions(as, agentId)).data).toHaveLength(1);
  });

  it('are all it ever was, the newest first, each with who made it', async () => {
    const tenant = await talks.given.tenant();
    const { as, owner } = tenant;
    const admin = await talks.given.member(tenant, 'admin');
    const { id } = await made(as, { name: 'A', ...DEFINITION });
    await admin.as.patch(`/agents/${id}`, { name: 'B', temperature: null }).expect(200);
    const { data, nextCursor } = await versions(as, id);
    expect(nextCursor).toBeNull();
    expect(data).toEqual([
      {
        ...{ version: 2, name: 'B', ...DEFINITION, temperature: null, collectionIds: [] },
        ...{ createdBy: admin.userId, createdAt: expect.any(String) },
      },
      {
        ...{ version: 1, name: 'A', ...DEFINITION, collectionIds: [] },
        ...{ createdBy: owner.userId, createdAt: expect.any(String) },
      },
    ]);
  });

  it('come in pages that stay the same while versions are added, and by cursors of their own', async () => {
    const { as, agentId } = await talks.given.agent();
    for (const name of ['2', '3', '4']) await as.patch(`/agents/${agentId}`, { name }).expect(200);
    const first = await versions(as, agentId, '?limit=2');
    await as.patch(`/agents/${agentId}`, { name: '5' }).expect(200);
    const second = await versions(as, agentId, `?limit=2&cursor=${first.nextCursor}`);
    expect([first, second].map(({ data }) => data.map(({ version }) => version))).toEqual([
      [4, 3],
      [2, 1],
    ]);
    expect(second.nextCursor).toBeNull();
    const other = await talks.given.agentOf(as);
    await as.get(`/agents/${other}/versions?cursor=${first.nextCursor}`).expect(400);
    for (const path of ['/agents', '/sessions']) {
      await as.get(`${path}?cursor=${first.nextCursor}`).expect(400);
    }
    await talks.given.agentOf(as);
    const { nextCursor } = (await as.get('/agents?limit=1').expect(200)).json<Listed<object>>();
    await as.get(`/agents/${agentId}/versions?cursor=${nextCursor}`).expect(400);
  });

  it('are gone with it', async () => {
    const { as, agentId } = await talks.given.agent();
    await as.delete(`/agents/${agentId}`).expect(204);
    await as.get(`/agents/${agentId}/versions`).expect(404);
    await as.get(`/agents/${agentId}/export`).expect(404);
    await as.post(`/agents/${agentId}/rollback`, { version: 1 }).expect(404);
    await as.post(`/agents/${agentId}/rollback`, { version: 9 }).expect(404);
  });
});

describe('A rollback', () => {
  it('makes a new version that is as the old one was, and says so in the log', async () => {
    const { as, owner } = await talks.given.tenant();
    const first = await made(as, { name: 'A', ...DEFINITION });
    await as.patch(`/agents/${first.id}`, { name: 'B', tools: [], outputSchema: null, metadata: {} }).expect(200);
    const back = (await as.post(`/agents/${first.id}/rollback`, { version: 1 }).expect(200)).json<AgentDto>();
    expect(back).toEqual({ ...first, version: 3, updatedAt: expect.any(String) });
    expect((await as.get(`/agents/${first.id}`).expect(200)).json()).toEqual(back);
    expect((await versions(as, first.id)).data.map(({ version, name }) => [version, name])).toEqual([
      [3, 'A'],
      [2, 'B'],
      [1, 'A'],
    ]);
    expect((await actions(as, first.id))[0]).toEqual({
      action: 'agent.rolledBack',
      actorId: owner.userId,
      changes: { version: 1 },
    });
  });

  it('takes turns with other changes', async () => {
    const { as, agentId } = await talks.given.agent();
    const answers = await Promise.all(
      [...'abc'].flatMap((name) => [
        as.patch(`/agents/${agentId}`, { name }).expect(200),
        as.post(`/agents/${agentId}/rollback`, { version: 1 }).expect(200),
      ]),
    );
    expect(answers.map((answer) => answer.json<AgentDto>().version).sort()).toEqual([2, 3, 4, 5, 6, 7]);
  });

  it.each([
    { version: 2 },
    { version: 0 },
    { version: '1' },
    { version: 1.5 },
    { version: null },
    {},
    { version: 2 ** 40 },
  ])('to %j is refused', async (body) => {
    const { as, agentId } = await talks.given.agent();
    expect(faultyFields(await as.post(`/agents/${agentId}/rollback`, body).expect(422))).toEqual(['version']);
    expect((await versions(as, agentId)).data).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['model', { model: 'claude-0' }],
    ['fallbackModels[1]', { fallbackModels: ['offline', 'claude-0'] }],
    ['outputSchema', { outputSchema: { type: 'strnig' } }],
  ])('to what names a %s that is there no more is refused', async (field, definition) => {
    const tenant = await talks.given.agent();
    const { as, agentId } = tenant;
    await outdated(tenant, definition);
    expect(faultyFields(await as.post(`/agents/${agentId}/rollback`, { version: 99 }).expect(422))).toEqual([field]);
    expect((await as.get(`/agents/${agentId}`).expect(200)).json()).toMatchObject({ version: 1 });
  });

  it('needs the right to change agents', async () => {
    const tenant = await talks.given.agent();
    const member = await talks.given.member(tenant, 'member');
    await member.as.get(`/agents/${tenant.agentId}/versions`).expect(200);
    await member.as.post(`/agents/${tenant.agentId}/rollback`, { version: 1 }).expect(403);
    await member.as.post('/agents/import', {}).expect(403);
  });
});

describe('A run', () => {
  it('keeps the version it started with to its end, whatever becomes of the agent meanwhile', async () => {
    const [words, release] = [randomUUID(), randomUUID()];
    const talk = await talks.start({ ...PROBES, systemPrompt: 'First.' });
    const { as, agentId, model } = talk;
    app.upstream.enqueue(calling('probe__meet', { me: words, other: release }), saying('Done'));
    const stream = await as.fetch('POST', `/sessions/${talk.sessionId}/messages`, { content: 'Hi', stream: true });
    const running = allEvents(stream);
    await eventually(
      () => probes.count('meet'),
      (count) => count === 1,
    );
    await as.patch(`/agents/${agentId}`, { systemPrompt: 'Second.', tools: [], model: 'offline' }).expect(200);
    await as.post(`/agents/${agentId}/rollback`, { version: 1 }).expect(200);
    await as.patch(`/agents/${agentId}`, { systemPrompt: 'Fourth.', tools: [], resourceLimits: { maxTurns: 1 } });
    await probes.call('meet', { me: release, other: words }, AbortSignal.timeout(10_000));
    const { run, message } = told(await running);
    expect(run).toMatchObject({ status: 'completed', agentId, agentVersion: 1, model });
    expect(message?.content).toBe('Done');
    const [first, second] = talks.sent(model);
    expect((second?.system as Block[]).map(({ text }) => text)).toEqual(['First.']);
    expect(withoutMessages(second)).toEqual(withoutMessages(first));
    const next = await talks.ask(talk, [saying('Yes')], { content: 'And now?' });
    expect(next.run).toMatchObject({ agentVersion: 4 });
    expect(talks.sent(model)[2]).toMatchObject({ system: [{ text: 'Fourth.' }] });
    expect(talks.sent(model)[2]).not.toHaveProperty('tools');
  });
});

function withoutMessages(request: MessagesRequest | undefined): object {
  return { ...request, messages: [], max_tokens: 0 };
}

describe('An export', () => {
  it('holds the whole definition and nothing of the tenant, and comes in again as it went out', async () => {
    const { as, owner, tenantId } = await talks.given.tenant();
    const agent = await made(as, { name: 'A', ...DEFINITION });
    const exported = await as.get(`/agents/${agent.id}/export`).expect(200);
    expect(exported.json()).toEqual({
      format: 'atrium.agent',
      formatVersion: 1,
      agent: { name: 'A', ...DEFINITION },
    });
    for (const id of [agent.id, owner.userId, tenantId]) expect(exported.text).not.toContain(id);
    const elsewhere = await talks.given.tenant();
    const copy = (await elsewhere.as.post('/agents/import', exported.json()).expect(201)).json<AgentDto>();
    const { id, createdAt, updatedAt } = copy;
    expect(copy).toEqual({ ...agent, id, createdAt, updatedAt });
    expect(id).not.toBe(agent.id);
    expect((await elsewhere.as.get(`/agents/${id}/export`).expect(200)).text).toBe(exported.text);
    expect(await actions(elsewhere.as, id)).toMatchObject([
      { action: 'agent.created', actorId: elsewhere.owner.userId, changes: { name: 'A', systemPrompt: 'Add up.' } },
    ]);
  });

  it('of an agent with nothing but a name comes in again too', async () => {
    const { as } = await talks.given.tenant();
    const { id } = await made(as, { name: 'A' });
    const exported = (await as.get(`/agents/${id}/export`).expect(200)).json();
    const copy = (await as.post('/agents/import', exported).expect(201)).json<AgentDto>();
    expect((await as.get(`/agents/${copy.id}/export`).expect(200)).json()).toEqual(exported);
  });

  it('of an agent larger than one body may be comes in again too', async () => {
    const { as } = await talks.given.tenant();
    const { id } = await made(as, { name: 'A', metadata: { text: 'x'.repeat(60_000) } });
    // Six bytes each, as JSON has it.
    await as.patch(`/agents/${id}`, { systemPrompt: '\u0001'.repeat(170_000) }).expect(200);
    const exported = (await as.get(`/agents/${id}/export`).expect(200)).text;
    expect(exported.length).toBeGreaterThan(1024 * 1024);
    await as.post('/agents/import', exported).expect(201);
    await as.post('/agents/import', `${exported}${' '.repeat(4 * 1024 * 1024)}`).expect(413);
  });
});

describe('An import', () => {
  const file = (agent: object, part: object = {}) => ({ format: 'atrium.agent', formatVersion: 1, agent, ...part });

  it.each<[string, unknown]>([
    ['format', file({ name: 'A' }, { format: 'atrium.session' })],
    ['formatVersion', file({ name: 'A' }, { formatVersion: 2 })],
    ['formatVersion', file({ name: 'A' }, { formatVersion: '1' })],
    ['agent', file([])],
    ['agent', { format: 'atrium.agent', formatVersion: 1 }],
    ['agent.name', file({})],
    ['agent.name', file({ name: ' ' })],
    ['agent.model', file({ name: 'A', model: 'claude-0' })],
    ['agent.fallbackModels[0]', file({ name: 'A', fallbackModels: ['claude-0'] })],
    ['agent.tools', file({ name: 'A', tools: ['calculator'] })],
    ['agent.outputSchema', file({ name: 'A', outputSchema: { type: 'strnig' } })],
    ['agent.collectionIds', file({ name: 'A', collectionIds: [] })],
    ['agent.id', file({ name: 'A', id: randomUUID() })],
    ['agent.createdBy', file({ name: 'A', createdBy: randomUUID() })],
    ['agent.status', file({ name: 'A', status: 'disabled' })],
    ['agent.resourceLimits.maxTurns', file({ name: 'A', resourceLimits: { maxTurns: 0 } })],
    ['tenantId', file({ name: 'A' }, { tenantId: randomUUID() })],
  ])('with a bad %s is refused', async (field, body) => {
    const { as } = await talks.given.tenant();
    expect(new Set(faultyFields(await as.post('/agents/import', body).expect(422)))).toEqual(new Set([field]));
    expect((await as.get('/agents').expect(200)).json()).toMatchObject({ data: [] });
  });
});
