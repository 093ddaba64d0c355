import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { Given } from './given.js';
import { eventually } from './platform-fixtures.js';

interface Key {
  id: string;
  key: string;
  prefix: string;
}

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
});
afterAll(() => app.close());

async function keyOf(as: Client, body: object = {}): Promise<Key & { as: Client }> {
  const made = (await as.post('/api-keys', { name: 'a key', ...body }).expect(201)).json<Key>();
  return { ...made, as: new Client(app.url, made.key) };
}

describe('an API key', () => {
  it('is shown once, when it is made', async () => {
    const { as } = await given.tenant();
    const made = (await as.post('/api-keys', { name: 'CI', scopes: ['agents:read'] }).expect(201)).json<Key>();
    expect(made).toEqual({
      id: expect.any(String),
      name: 'CI',
      prefix: made.key.slice(0, 10),
      scopes: ['agents:read'],
      expiresAt: null,
      lastUsedAt: null,
      createdAt: expect.any(String),
      key: expect.stringMatching(/^sk-[\w-]{43}$/),
    });
    const listed = await as.get('/api-keys').expect(200);
    expect(listed.json()['data']).toEqual([{ ...made, key: undefined }]);
    expect(listed.text).not.toContain(made.key);
    expect(listed.text).not.toContain('hash');
  });

  it('signs requests as bearer and as X-API-Key', async () => {
    const { as, owner } = await given.tenant();
    const { key } = await keyOf(as);
    const asked = [
      new Client(app.url, key).get('/auth/me').expect(200),
      new Client(app.url).get('/auth/me', { 'x-api-key': key }).expect(200),
    ];
    for (const answer of await Promise.all(asked)) expect(answer.json()).toMatchObject({ user: { id: owner.userId } });
  });

  it('may do what its scopes name, as far as its user may now', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'admin');
    const key = await keyOf(person.as, { scopes: ['members:read', 'tenant:update'] });
    expect((await key.as.get('/auth/me')).json()).toMatchObject({ permissions: ['members:read'], role: 'admin' });
    await key.as.get('/members').expect(200);
    await key.as.get('/api-keys').expect(403);
    await key.as.patch('/tenant', { name: 'x' }).expect(403);
    await tenant.as.patch(`/members/${person.userId}`, { role: 'member' }).expect(200);
    await key.as.get('/members').expect(403);
    expect((await key.as.get('/auth/me')).json()).toMatchObject({ permissions: [], role: 'member' });
  });

  it('never makes a superadmin', async () => {
    const { as } = await keyOf(await given.admin());
    expect((await as.get('/auth/me')).json()).toMatchObject({ role: 'owner', superadmin: false });
    const refused = await as.get('/admin/tenants').expect(403);
    expect(refused.json()).toMatchObject({ details: { permission: 'superadmin' } });
    await as.post('/admin/tenants', { name: 'x', slug: 'x-x', owner: { email: 'a@b.example' } }).expect(403);
  });

  it('opens nothing below /auth but /auth/me', async () => {
    const { as } = await keyOf((await given.tenant()).as);
    await as.get('/auth/me').expect(200);
    for (const path of ['logout', 'logout-all', 'switch-tenant', 'change-password'])
      await as.post(`/auth/${path}`, {}).expect(403);
    await as.get('/auth/invitations').expect(403);
    await as.post('/auth/invitations/00000000-0000-7000-8000-000000000000/accept').expect(403);
  });

  it('is dead from the request after its revocation', async () => {
    const { as } = await given.tenant();
    const key = await keyOf(as);
    await key.as.get('/auth/me').expect(200);
    await as.delete(`/api-keys/${key.id}`).expect(204);
    await key.as.get('/auth/me').expect(401);
    await as.delete(`/api-keys/${key.id}`).expect(404);
    expect((await as.get('/api-keys')).json()).toMatchObject({ data: [] });
  });

  it('notes when it was used', async () => {
    const { as } = await given.tenant();
    const key = await keyOf(as);
    await key.as.get('/auth/me').expect(200);
    await eventually(
      async () => (await as.get('/api-keys')).json<Listed<{ lastUsedAt: string | null }>>().data[0]?.lastUsedAt,
      (at) => typeof at === 'string',
    );
  });

  it('ends by itself', async () => {
    const { as } = await given.tenant();
    const key = await keyOf(as, { expiresAt: new Date(Date.now() + 1500).toISOString() });
    await key.as.get('/auth/me').expect(200);
    await eventually(
      async () => (await key.as.get('/auth/me')).status,
      (status) => status === 401,
    );
  });
});

describe('an API key that makes keys', () => {
  const beyond: [string[] | null | undefined][] = [
    [['agents:create']],
    [['agents:*']],
    [['*']],
    [['apiKeys:create', 'members:read']],
    [null],
    [undefined],
  ];

  it.each(beyond)('gives none of them scopes beyond its own: %j', async (scopes) => {
    const { as } = await given.tenant();
    const key = await keyOf(as, { scopes: ['agents:read', 'apiKeys:create'] });
    const refused = await key.as.post('/api-keys', { name: 'more', scopes }).expect(403);
    expect(refused.json()).toMatchObject({ code: 'authorization_error', details: { scopes: expect.any(Array) } });
    await key.as.post('/api-keys', { name: 'same', scopes: ['agents:read'] }).expect(201);
  });

  it('gives none of them more than its user may, either', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    const key = await keyOf(person.as);
    await key.as.post('/api-keys', { name: 'more', scopes: ['members:read'] }).expect(403);
    await key.as.post('/api-keys', { name: 'all of mine' }).expect(201);
  });

  it('gives none of them a longer life', async () => {
    const { as } = await given.tenant();
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const key = await keyOf(as, { expiresAt: soon });
    await key.as.post('/api-keys', { name: 'for ever' }).expect(403);
    await key.as.post('/api-keys', { name: 'as long', expiresAt: soon }).expect(201);
  });
});

describe('the keys of others', () => {
  it('are neither listed nor revoked, in the same tenant or another', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'admin');
    const other = await given.tenant();
    const { id, as } = await keyOf(person.as);
    expect((await tenant.as.get('/api-keys')).json()).toMatchObject({ data: [] });
    await tenant.as.delete(`/api-keys/${id}`).expect(404);
    await other.as.delete(`/api-keys/${id}`).expect(404);
    await other.as.delete('/api-keys/not-a-uuid').expect(404);
    await as.get('/auth/me').expect(200);
  });
});

describe('the body of a new key', () => {
  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{}, 'name'],
    [{ name: 'k', scopes: ['superadmin'] }, 'scopes'],
    [{ name: 'k', scopes: ['agents:read', 'agents:fly'] }, 'scopes'],
    [{ name: 'k', scopes: 'agents:read' }, 'scopes'],
    [{ name: 'k', expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
    [{ name: 'k', expiresAt: '2030-W01' }, 'expiresAt'],
    [{ name: 'k', expiresAt: '2030-02-31T00:00:00Z' }, 'expiresAt'],
    [{ name: 'k', expiresAt: 'soon' }, 'expiresAt'],
    [{ name: 'k', userId: '00000000-0000-7000-8000-000000000000' }, 'userId'],
    [{ name: 'k', tenantId: '00000000-0000-7000-8000-000000000000' }, 'tenantId'],
    [{ name: 'k', key: 'sk-mine', prefix: 'sk-', id: 'x', createdAt: 'x' }, 'key'],
  ])('is refused: %j', async (body, field) => {
    const { as } = await given.tenant();
    expect(faultyFields(await as.post('/api-keys', body).expect(422))).toContain(field);
  });

  it('comes in pages', async () => {
    const { as } = await given.tenant();
    for (const name of ['one', 'two', 'three']) await keyOf(as, { name });
    const page = (await as.get('/api-keys?limit=2').expect(200)).json<Listed<{ name: string }>>();
    expect(page.data.map(({ name }) => name)).toEqual(['three', 'two']);
    const rest = (await as.get(`/api-keys?limit=2&cursor=${page.nextCursor}`).expect(200)).json();
    expect(rest).toMatchObject({ data: [{ name: 'one' }], nextCursor: null });
  });
});
