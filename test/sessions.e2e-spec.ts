import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Given } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
});
afterAll(() => app.close());

interface Session {
  id: string;
  status: string;
  title: string | null;
  lastActivityAt: string;
}

async function ids(as: Client, query = ''): Promise<string[]> {
  return (await as.get(`/sessions${query}`).expect(200)).json<Listed<Session>>().data.map((session) => session.id);
}

async function newSession(as: Client, body: object = {}): Promise<string> {
  return (await as.post('/sessions', body).expect(201)).json<Session>().id;
}

describe('a session', () => {
  it('is made of nothing, and shows all its fields', async () => {
    const { as, owner } = await given.tenant();
    const session = (await as.post('/sessions', {}).expect(201)).json<Session>();
    expect(session).toEqual({
      id: expect.any(String),
      agentId: null,
      title: null,
      pattern: 'chatbot',
      visibility: 'private',
      status: 'created',
      model: null,
      systemPrompt: null,
      tools: null,
      permissionPolicy: null,
      context: {},
      clientTools: [],
      metadata: {},
      createdBy: owner.userId,
      messageCount: 0,
      forkedFrom: null,
      parentRunId: null,
      rootSessionId: null,
      usage: {
        inputTokens: 0,
        outputTokens: 0,
        cacheReadTokens: 0,
        cacheWriteTokens: 0,
        costMicros: 0,
        estimated: false,
      },
      lastActivityAt: expect.any(String),
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect((await as.get(`/sessions/${session.id}`).expect(200)).json()).toEqual(session);
  });

  it('answers without an agent too', async () => {
    const { as } = await given.tenant();
    const id = await newSession(as, { model: 'offline', systemPrompt: 'The code word is heron.' });
    const sent = await as.post(`/sessions/${id}/messages`, { content: 'What is the code word?' }).expect(201);
    expect(sent.json<{ message: { content: string } }>().message.content).toContain('heron');
  });

  it('becomes active with its first message, and counts usage and messages', async () => {
    const { as, sessionId } = await given.session();
    await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(201);
    const session = (await as.get(`/sessions/${sessionId}`)).json<{ usage: { outputTokens: number } }>();
    expect(session).toMatchObject({ status: 'active', messageCount: 2 });
    expect(session.usage.outputTokens).toBeGreaterThan(0);
  });

  it('is changed field by field, null resetting one', async () => {
    const { as } = await given.tenant();
    const id = await newSession(as, { title: 'A', metadata: { a: 1 }, visibility: 'tenant' });
    for (const title of ['', ' \t']) {
      expect((await as.patch(`/sessions/${id}`, { title }).expect(200)).json()).toMatchObject({ title: null });
      expect((await as.post('/sessions', { title }).expect(201)).json()).toMatchObject({ title: null });
    }
    const changed = (await as.patch(`/sessions/${id}`, { title: null, metadata: { b: 2 } }).expect(200)).json();
    expect(changed).toMatchObject({ title: null, metadata: { b: 2 }, visibility: 'tenant' });
    await as.patch(`/sessions/${id}`, { status: 'archived' }).expect(422);
    await as.patch(`/sessions/${id}`, { createdBy: id }).expect(422);
    await as.patch(`/sessions/${id}`, { model: 'gpt-0' }).expect(422);
  });

  it('has metadata of 64 KiB at most, as have its messages', async () => {
    const { as, sessionId } = await given.session();
    const metadata = (bytes: number) => ({ metadata: { a: 'x'.repeat(bytes - '{"a":""}'.length) } });
    await as.post('/sessions', metadata(65_536)).expect(201);
    const refused = [
      as.post('/sessions', metadata(65_537)),
      as.patch(`/sessions/${sessionId}`, metadata(65_537)),
      as.post(`/sessions/${sessionId}/messages`, { content: 'a', ...metadata(65_537) }),
      as.post('/agents', { name: 'A', ...metadata(65_537) }),
    ];
    for (const answer of refused) expect(faultyFields(await answer.expect(422))).toEqual(['metadata']);
  });

  it('is gone when deleted', async () => {
    const { as, sessionId } = await given.session();
    await as.delete(`/sessions/${sessionId}`).expect(204);
    await as.get(`/sessions/${sessionId}`).expect(404);
    await as.get(`/sessions/${sessionId}/messages`).expect(404);
    await as.post(`/sessions/${sessionId}/messages`, { content: 'Hi' }).expect(404);
    expect(await ids(as)).not.toContain(sessionId);
  });

  it('takes context with a message as a merge patch', async () => {
    const { as, sessionId } = await given.session();
    await as
      .post(`/sessions/${sessionId}/messages`, { content: 'Hi', context: { page: 'a', x: { y: 1 } } })
      .expect(201);
    await as
      .post(`/sessions/${sessionId}/messages`, { content: 'Hi', context: { page: null, x: { z: 2 } } })
      .expect(201);
    expect((await as.get(`/sessions/${sessionId}`)).json()).toMatchObject({ context: { x: { y: 1, z: 2 } } });
  });
});

describe('visibility', () => {
  it('hides a private session from other members, not from admins, and shows a tenant one to all', async () => {
    const tenant = await given.tenant();
    const [creator, other, viewer, admin] = [
      await given.member(tenant, 'member'),
      await given.member(tenant, 'member'),
      await given.member(tenant, 'viewer'),
      await given.member(tenant, 'admin'),
    ];
    const hidden = await newSession(creator.as, { model: 'offline' });
    const shown = await newSession(creator.as, { visibility: 'tenant' });
    const sent = await creator.as.post(`/sessions/${hidden}/messages`, { content: 'Hi' }).expect(201);
    const { message, run } = sent.json<{ message: { id: string }; run: { id: string } }>();
    for (const { as } of [other, viewer]) {
      await as.get(`/sessions/${hidden}`).expect(404);
      await as.get(`/sessions/${hidden}/runs`).expect(404);
      await as.get(`/messages/${message.id}`).expect(404);
      await as.get(`/runs/${run.id}`).expect(404);
      await as.get(`/runs/${run.id}/events`).expect(404);
      expect(await ids(as)).toEqual([shown]);
    }
    await other.as.post(`/sessions/${hidden}/messages`, { content: 'Hi' }).expect(404);
    await admin.as.get(`/runs/${run.id}`).expect(200);
    expect(await ids(admin.as)).toEqual([shown, hidden]);
    expect(await ids(creator.as)).toEqual([shown, hidden]);
  });
});

describe('the list of sessions', () => {
  it('is filtered', async () => {
    const { as, owner, agentId } = await given.agent();
    const [plain, delegated] = [await newSession(as), await newSession(as, { pattern: 'delegation', agentId })];
    const titled = await newSession(as, { title: 'Über die Straße' });
    expect(await ids(as, `?agentId=${agentId}`)).toEqual([delegated]);
    expect(await ids(as, '?pattern=delegation')).toEqual([delegated]);
    expect(await ids(as, '?status=active')).toEqual([]);
    expect(await ids(as, `?createdBy=${owner.userId}`)).toEqual([titled, delegated, plain]);
    expect(await ids(as, `?createdBy=${agentId}`)).toEqual([]);
    expect(await ids(as, `?search=${encodeURIComponent('STRASSE')}`)).toEqual([]);
    expect(await ids(as, `?search=${encodeURIComponent('die straße')}`)).toEqual([titled]);
    const now = new Date().toISOString();
    expect(await ids(as, `?createdBefore=${now}`)).toEqual([titled, delegated, plain]);
    expect(await ids(as, `?createdAfter=${now}`)).toEqual([]);
    await as.get('/sessions?agentId=1').expect(422);
    await as.get('/sessions?createdAfter=yesterday').expect(422);
    await as.get('/sessions?sort=title').expect(422);
  });

  it('is sorted by the last activity on request, page by page', async () => {
    const { as } = await given.tenant();
    const sessions = [];
    for (let i = 0; i < 4; i++) sessions.push(await newSession(as, { model: 'offline' }));
    const [first, second, third, fourth] = sessions;
    await as.post(`/sessions/${String(second)}/messages`, { content: 'Hi' }).expect(201);
    const page = (await as.get('/sessions?sort=lastActivityAt&limit=2').expect(200)).json<Listed<Session>>();
    const next = await ids(as, `?sort=lastActivityAt&limit=2&cursor=${String(page.nextCursor)}`);
    expect([...page.data.map((session) => session.id), ...next]).toEqual([second, fourth, third, first]);
    await as.get(`/sessions?cursor=${String(page.nextCursor)}`).expect(400);
  });
});

describe('the messages of a session', () => {
  it('come oldest first in pages, filtered by role and text', async () => {
    const { as, sessionId } = await given.session();
    for (const content of ['say one', 'say two', 'say three']) {
      await as.post(`/sessions/${sessionId}/messages`, { content }).expect(201);
    }
    const texts = async (query: string): Promise<string[]> => {
      const page = await as.get(`/sessions/${sessionId}/messages${query}`).expect(200);
      return page.json<Listed<{ content: string }>>().data.map((message) => message.content);
    };
    expect(await texts('?role=assistant')).toEqual(['one', 'two', 'three']);
    expect(await texts('?search=TWO')).toEqual(['say two', 'two']);
    const page = (await as.get(`/sessions/${sessionId}/messages?limit=4`).expect(200)).json<Listed<{ id: string }>>();
    expect(page.data).toHaveLength(4);
    expect(await texts(`?limit=4&cursor=${String(page.nextCursor)}`)).toEqual(['say three', 'three']);
    await as.get(`/messages/${String(page.data[0]?.id)}`).expect(200);
  });

  it.each([
    ['content', { content: '' }],
    ['content', { content: [] }],
    ['content', { content: 7 }],
    ['content', {}],
    ['content[0].text', { content: [{ type: 'text', text: ' ' }] }],
    ['content[0].type', { content: [{ type: 'video' }] }],
    ['content[0].fileId', { content: [{ type: 'image', fileId: '018f0000-0000-7000-8000-000000000000' }] }],
    ['attachments[0]', { content: 'x', attachments: ['018f0000-0000-7000-8000-000000000000'] }],
    ['model', { content: 'x', model: 'gpt-0' }],
    ['background', { content: 'x', stream: true, background: true }],
  ])('refuse a bad %s', async (field, body) => {
    const { as, sessionId } = await given.session();
    const refused = await as.post(`/sessions/${sessionId}/messages`, body).expect(422);
    const fields = faultyFields(refused);
    expect(fields.some((name) => name.startsWith(field))).toBe(true);
  });
});
