import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Given } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
});
afterAll(() => app.close());

interface Agent {
  id: string;
  name: string;
  version: number;
  tools: string[];
  unresolvedTools: string[];
  [field: string]: unknown;
}

describe('an agent', () => {
  it('needs a name only, and shows all its fields', async () => {
    const { as } = await given.tenant();
    const agent = (await as.post('/agents', { name: 'Researcher' }).expect(201)).json<Agent>();
    expect(agent).toEqual({
      id: expect.any(String),
      name: 'Researcher',
      version: 1,
      status: 'active',
      description: '',
      systemPrompt: '',
      model: null,
      fallbackModels: [],
      temperature: null,
      capabilities: [],
      tools: [],
      unresolvedTools: [],
      permissionPolicy: null,
      collectionIds: [],
      outputSchema: null,
      resourceLimits: { maxTokens: 100_000, maxTurns: 25, maxExecutionTimeMs: 300_000, maxCostMicros: null },
      metadata: {},
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect((await as.get(`/agents/${agent.id}`).expect(200)).json()).toEqual(agent);
  });

  it('makes a new version with each change, whole fields at a time, null resetting one', async () => {
    const { as } = await given.tenant();
    const before = { name: 'A', temperature: 0.5, metadata: { a: 1, b: 2 }, resourceLimits: { maxTurns: 3 } };
    const { id } = (await as.post('/agents', before).expect(201)).json<Agent>();
    const changed = (
      await as.patch(`/agents/${id}`, { metadata: { c: 3 }, resourceLimits: null }).expect(200)
    ).json<Agent>();
    expect(changed).toMatchObject({ version: 2, name: 'A', temperature: 0.5, metadata: { c: 3 } });
    expect(changed['resourceLimits']).toMatchObject({ maxTurns: 25 });
    const reset = (await as.patch(`/agents/${id}`, { temperature: null }).expect(200)).json<Agent>();
    expect(reset).toMatchObject({ version: 3, temperature: null });
  });

  it('gives every one of many changes at once a version of its own', async () => {
    const { as, agentId } = await given.agent();
    const answers = await Promise.all([...'abcde'].map((name) => as.patch(`/agents/${agentId}`, { name }).expect(200)));
    const versions = answers.map((answer) => answer.json<Agent>().version);
    expect(versions.sort()).toEqual([2, 3, 4, 5, 6]);
  });

  it('says which of its tools name nothing', async () => {
    const { as } = await given.tenant();
    const tools = ['calculator:*', 'clock:now', 'calculator:root', 'nowhere:*'];
    const agent = (await as.post('/agents', { name: 'A', tools }).expect(201)).json<Agent>();
    expect(agent.unresolvedTools).toEqual(['calculator:root', 'nowhere:*']);
  });

  it('may name a model with its provider, and none that is unknown', async () => {
    const { as } = await given.tenant();
    await as.post('/agents', { name: 'A', model: 'offline:offline' }).expect(201);
    const refused = await as.post('/agents', { name: 'A', fallbackModels: ['offline', 'gpt-0'] }).expect(422);
    const [fault] = refused.json<{ validationErrors: { field: string; message: string }[] }>().validationErrors;
    expect(fault?.field).toBe('fallbackModels[1]');
    expect(fault?.message).toContain('offline');
  });

  it('names no collection that does not exist', async () => {
    const { as } = await given.tenant();
    const refused = await as.post('/agents', { name: 'A', collectionIds: [randomUUID()] }).expect(422);
    expect(refused.json()).toMatchObject({ validationErrors: [{ field: 'collectionIds[0]' }] });
    const id = randomUUID();
    const twice = await as.post('/agents', { name: 'A', collectionIds: [id, id.toUpperCase()] }).expect(422);
    expect(twice.json()).toMatchObject({ validationErrors: [{ field: 'collectionIds' }] });
  });

  it.each([
    ['name', { name: '' }],
    ['name', { name: 'x'.repeat(201) }],
    ['temperature', { temperature: 1.5 }],
    ['tools', { tools: ['calculator'] }],
    ['resourceLimits.maxTurns', { resourceLimits: { maxTurns: 0 } }],
    ['resourceLimits', { resourceLimits: [] }],
    ['permissionPolicy.rules[0].action', { permissionPolicy: { rules: [{ tool: 'a:b', action: 'perhaps' }] } }],
    ['unknownField', { unknownField: 1 }],
    ['version', { version: 9 }],
    ['tenantId', { tenantId: randomUUID() }],
  ])('is refused with a bad %s', async (field, part) => {
    const { as } = await given.tenant();
    const refused = await as.post('/agents', { name: 'A', ...part }).expect(422);
    const fields = faultyFields(refused);
    expect(fields).toContain(field);
  });

  it('is gone when deleted, and its sessions take no messages any more', async () => {
    const { as, agentId, sessionId } = await given.session();
    await as.delete(`/agents/${agentId}`).expect(204);
    await as.get(`/agents/${agentId}`).expect(404);
    await as.delete(`/agents/${agentId}`).expect(404);
    await as.patch(`/agents/${agentId}`, { name: 'B' }).expect(404);
    await as.post('/sessions', { agentId }).expect(422);
    await as.get(`/sessions/${sessionId}`).expect(200);
    await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(409);
  });
});

describe('the list of agents', () => {
  it('comes newest first in pages that stay the same while agents are added', async () => {
    const { as } = await given.tenant();
    for (const name of ['a', 'b', 'c', 'd', 'e']) await given.agentOf(as, { name });
    const first = (await as.get('/agents?limit=2').expect(200)).json<Listed<Agent>>();
    await given.agentOf(as, { name: 'f' });
    const second = (await as.get(`/agents?limit=2&cursor=${String(first.nextCursor)}`).expect(200)).json<
      Listed<Agent>
    >();
    const third = (await as.get(`/agents?limit=2&cursor=${String(second.nextCursor)}`).expect(200)).json<
      Listed<Agent>
    >();
    expect([first, second, third].flatMap((page) => page.data.map((agent) => agent.name))).toEqual([
      'e',
      'd',
      'c',
      'b',
      'a',
    ]);
    expect(third.nextCursor).toBeNull();
  });

  it('is searched by part of the name, whatever its case and characters', async () => {
    const { as } = await given.tenant();
    for (const name of ['Alpha 100%', 'beta_1', 'ALPHABET']) await given.agentOf(as, { name });
    const names = async (search: string): Promise<string[]> => {
      const page = await as.get(`/agents?search=${encodeURIComponent(search)}`).expect(200);
      return page.json<Listed<Agent>>().data.map((agent) => agent.name);
    };
    expect(await names('alpha')).toEqual(['ALPHABET', 'Alpha 100%']);
    expect(await names('%')).toEqual(['Alpha 100%']);
    expect(await names('_')).toEqual(['beta_1']);
    expect(await names("'")).toEqual([]);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'limit=0x10',
    'limit=1e1',
    'limit=%2010',
    'limit=',
    'status=gone',
    'colour=red',
    'search=a&search=b',
  ])('refuses %s', async (query) => {
    const { as } = await given.tenant();
    await as.get(`/agents?${query}`).expect(422);
  });
});

describe('the models', () => {
  it('are listed with prices and whether they can be used', async () => {
    const { as } = await given.tenant();
    const { data } = (await as.get('/models').expect(200)).json<
      Listed<{ name: string; provider: string; available: boolean }>
    >();
    expect(data).toContainEqual(expect.objectContaining({ name: 'offline', provider: 'offline', available: true }));
    expect(data).toContainEqual(
      expect.objectContaining({ provider: 'anthropic', contextWindow: expect.any(Number), prices: expect.any(Object) }),
    );
  });
});

describe('an agent asked directly', () => {
  it('answers in a session made for it', async () => {
    const { as, agentId } = await given.agent({ tools: ['calculator:*'] });
    const answer = (await as.post(`/agents/${agentId}/execute`, { message: 'What is 6 * 7?' }).expect(200)).json();
    expect(answer).toMatchObject({
      sessionId: expect.any(String),
      runId: expect.any(String),
      messageId: expect.any(String),
      content: expect.stringContaining('42'),
      toolCalls: [expect.objectContaining({ name: 'calculator:multiply', output: '42' })],
      usage: { inputTokens: expect.any(Number) },
      executionTimeMs: expect.any(Number),
    });
  });

  it('goes on in a session of its own, and in no other', async () => {
    const { as, agentId, sessionId } = await given.session();
    const again = await as.post(`/agents/${agentId}/execute`, { message: 'Hello', sessionId }).expect(200);
    expect(again.json()).toMatchObject({ sessionId });
    const made = await as.post(`/agents/${agentId}/execute`, { message: 'Hello', sessionId: null }).expect(200);
    expect(made.json()['sessionId']).not.toBe(sessionId);
    const otherAgent = await given.agentOf(as);
    const refused = await as.post(`/agents/${otherAgent}/execute`, { message: 'Hello', sessionId }).expect(422);
    expect(refused.json()).toMatchObject({ validationErrors: [{ field: 'sessionId' }] });
  });
});
