import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { faultyFields, type Ids, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
}, 60_000);
afterAll(() => app.close());

const SAYS_NOTHING = {
  agentId: null,
  title: null,
  pattern: null,
  visibility: null,
  model: null,
  systemPrompt: null,
  tools: null,
  permissionPolicy: null,
  context: null,
  clientTools: null,
  metadata: null,
};

/** A value for every field that a template has. */
const everything = (agentId: string) => ({
  agentId,
  title: 'Sprint planning',
  pattern: 'sidekick',
  visibility: 'tenant',
  model: 'offline',
  systemPrompt: 'The code word is heron.',
  tools: ['calculator:add'],
  permissionPolicy: { default: 'deny', rules: [{ tool: 'calculator:*', action: 'allow' }] },
  context: { board: { open: 3 } },
  clientTools: [{ name: 'scroll', description: 'Scrolls', inputSchema: { type: 'object' } }],
  metadata: { team: 'blue' },
});

async function template(as: Client, body: object): Promise<string> {
  return (await as.post('/session-templates', { name: 'T', ...body }).expect(201)).json<{ id: string }>().id;
}

async function refusal(as: Client, body: object): Promise<{ field: string; message: string }[]> {
  const answer = await as.post('/sessions', body).expect(422);
  return answer.json<{ validationErrors: { field: string; message: string }[] }>().validationErrors;
}

describe('A session template', () => {
  it('is made of a name, and shows what it says and what it does not', async () => {
    const { as, owner } = await given.tenant();
    const made = await as.post('/session-templates', { name: 'Empty' }).expect(201);
    const { id } = made.json<{ id: string }>();
    const stamps = { createdBy: owner.userId, createdAt: expect.any(String), updatedAt: expect.any(String) };
    expect(made.json()).toEqual({ id, name: 'Empty', ...SAYS_NOTHING, ...stamps });
    expect((await as.get(`/session-templates/${id}`).expect(200)).json()).toEqual(made.json());
  });

  it('says all that a session can begin with', async () => {
    const { as, agentId } = await given.agent();
    const body = { name: 'Full', ...everything(agentId) };
    const made = (await as.post('/session-templates', body).expect(201)).json();
    expect(made).toMatchObject(body);
    expect((await as.get(`/session-templates/${String(made['id'])}`).expect(200)).json()).toEqual(made);
  });

  it('is changed field by field, each replaced whole, null taking one out', async () => {
    const { as, agentId } = await given.agent();
    const id = await template(as, everything(agentId));
    const changes = { name: 'Renamed', context: { other: 1 }, title: null };
    const changed = await as.patch(`/session-templates/${id}`, changes).expect(200);
    expect(changed.json()).toMatchObject({ ...everything(agentId), ...changes });
    expect((await as.get(`/session-templates/${id}`).expect(200)).json()).toEqual(changed.json());
    await as.patch(`/session-templates/${id}`, { name: null }).expect(422);
  });

  it('is of the tenant, listed newest first, and gone when deleted', async () => {
    const tenant = await given.tenant();
    const other = await given.tenant();
    const { as } = await given.member(tenant, 'member');
    const ids = [await template(tenant.as, {}), await template(as, {}), await template(tenant.as, {})];
    const listed = async (by: Client, query = '') =>
      (await by.get(`/session-templates${query}`).expect(200)).json<Ids>().data.map(({ id }) => id);
    expect(await listed(as)).toEqual(ids.toReversed());
    const { nextCursor } = (await as.get('/session-templates?limit=2').expect(200)).json<Ids>();
    expect(await listed(as, `?cursor=${String(nextCursor)}`)).toEqual([ids[0]]);
    expect(await listed(other.as)).toEqual([]);
    await as.delete(`/session-templates/${String(ids[1])}`).expect(204);
    await as.delete(`/session-templates/${String(ids[1])}`).expect(404);
    await as.get(`/session-templates/${String(ids[1])}`).expect(404);
    expect(await listed(tenant.as)).toEqual([ids[2], ids[0]]);
  });

  it('is only read by viewers', async () => {
    const tenant = await given.tenant();
    const id = await template(tenant.as, {});
    const { as } = await given.member(tenant, 'viewer');
    await as.get(`/session-templates/${id}`).expect(200);
    await as.post('/session-templates', { name: 'T' }).expect(403);
    await as.patch(`/session-templates/${id}`, { name: 'T' }).expect(403);
    await as.delete(`/session-templates/${id}`).expect(403);
  });

  it('stands in the audit log with what becomes of it', async () => {
    const { as } = await given.tenant();
    const id = await template(as, {});
    await as.patch(`/session-templates/${id}`, { title: 'X' }).expect(200);
    await as.delete(`/session-templates/${id}`).expect(204);
    const log = (await as.get(`/audit-logs?resourceId=${id}`).expect(200)).json<Listed<{ action: string }>>().data;
    expect(log.map(({ action }) => action)).toEqual([
      'sessionTemplate.deleted',
      'sessionTemplate.updated',
      'sessionTemplate.created',
    ]);
  });

  it.each<[string, object]>([
    ['name', {}],
    ['name', { name: ' ' }],
    ['name', { name: 'x'.repeat(201) }],
    ['agentId', { name: 'T', agentId: v7() }],
    ['agentId', { name: 'T', agentId: 'x' }],
    ['model', { name: 'T', model: 'gpt-0' }],
    ['templateId', { name: 'T', templateId: v7() }],
    ['pattern', { name: 'T', pattern: 'nosuch' }],
    ['clientTools[0].name', { name: 'T', clientTools: [{ name: 'a b', description: '', inputSchema: {} }] }],
    ['createdBy', { name: 'T', createdBy: v7() }],
  ])('refuses a bad %s', async (field, body) => {
    const { as } = await given.tenant();
    expect(faultyFields(await as.post('/session-templates', body).expect(422))).toContain(field);
  });

  it('may name no agent of another tenant', async () => {
    const { as } = await given.tenant();
    const { agentId } = await given.agent();
    const id = await template(as, {});
    expect(faultyFields(await as.post('/session-templates', { name: 'T', agentId }).expect(422))).toEqual(['agentId']);
    expect(faultyFields(await as.patch(`/session-templates/${id}`, { agentId }).expect(422))).toEqual(['agentId']);
  });
});

describe('A session made from a template', () => {
  it('begins with what the template says', async () => {
    const { as, agentId } = await given.agent();
    const templateId = await template(as, everything(agentId));
    const made = (await as.post('/sessions', { templateId }).expect(201)).json<{ id: string }>();
    expect(made).toMatchObject({ ...everything(agentId), status: 'created', messageCount: 0 });
    expect((await as.get(`/sessions/${made.id}`).expect(200)).json()).toEqual(made);
  });

  it('has what its body says instead, and the default where that is null', async () => {
    const { as, agentId } = await given.agent();
    const templateId = await template(as, everything(agentId));
    const own = { templateId, title: 'Mine', context: { mine: true }, metadata: null, pattern: null, tools: null };
    const made = (await as.post('/sessions', own).expect(201)).json();
    const reset = { title: 'Mine', context: { mine: true }, metadata: {}, pattern: 'chatbot', tools: null };
    expect(made).toMatchObject({ ...everything(agentId), ...reset });
    expect((await as.post('/sessions', { templateId: null }).expect(201)).json()).toMatchObject({ title: null });
  });

  it('stays as it is when the template is changed or deleted', async () => {
    const { as } = await given.tenant();
    const templateId = await template(as, { title: 'Before' });
    const { id } = (await as.post('/sessions', { templateId: templateId.toUpperCase() }).expect(201)).json<{
      id: string;
    }>();
    await as.patch(`/session-templates/${templateId}`, { title: 'After' }).expect(200);
    await as.delete(`/session-templates/${templateId}`).expect(204);
    expect((await as.get(`/sessions/${id}`).expect(200)).json()).toMatchObject({ title: 'Before' });
  });

  it('is refused when there is no such template here', async () => {
    const { as } = await given.tenant();
    const other = await given.tenant();
    const deleted = await template(as, {});
    await as.delete(`/session-templates/${deleted}`).expect(204);
    for (const templateId of [v7(), deleted, await template(other.as, {}), 'x', 7]) {
      expect((await refusal(as, { templateId })).map(({ field }) => field)).toEqual(['templateId']);
    }
  });

  it('is refused when the template names an agent that was deleted, unless the body names another', async () => {
    const { as, agentId } = await given.agent();
    const templateId = await template(as, { agentId, title: 'T' });
    await as.delete(`/agents/${agentId}`).expect(204);
    expect(await refusal(as, { templateId })).toEqual([
      { field: 'templateId', message: 'The template names an agent that was deleted' },
    ]);
    expect(await refusal(as, { templateId, agentId })).toMatchObject([{ field: 'agentId' }]);
    const another = await given.agentOf(as);
    const made = await as.post('/sessions', { templateId, agentId: another }).expect(201);
    expect(made.json()).toMatchObject({ agentId: another, title: 'T' });
    await as.post('/sessions', { templateId, agentId: null }).expect(201);
    // What else it says can still be changed.
    await as.patch(`/session-templates/${templateId}`, { title: 'U' }).expect(200);
  });
});
