import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Db } from '../src/platform/database/db.js';
import { faultyFields, type Ids } from './answers.js';
import { ADMIN } from './admin.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { Given, type Tenant } from './given.js';
import { asSystem, eventually } from './platform-fixtures.js';
import { upload } from './sample-files.js';
import { createTestStore } from './test-store.js';

let app: TestApp;
let given: Given;
let anyone: Client;
let admin: Client;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  anyone = new Client(app.url);
  admin = await given.admin();
});
afterAll(() => app.close());

const PASSWORD = 'a long enough password';
const newSlug = (): string => `s-${randomUUID().slice(0, 12)}`;
const body = (part: object = {}) => ({
  name: 'Acme',
  slug: newSlug(),
  owner: { email: `${randomUUID()}@example.com`, password: PASSWORD },
  ...part,
});

async function apiKey(as: Client): Promise<Client> {
  return new Client(app.url, (await as.post('/api-keys', { name: 'k' }).expect(201)).json<{ key: string }>().key);
}

/** Everything by which the tenant's people come in. */
async function doors(tenant: Tenant): Promise<() => Promise<number[]>> {
  const key = await apiKey(tenant.as);
  const { email, password, refreshToken } = tenant.owner;
  return async () => {
    const answers = [
      await tenant.as.get('/auth/me'),
      await key.get('/auth/me'),
      await anyone.post('/auth/login', { email, password }),
      await anyone.post('/auth/login', { email, password, tenant: tenant.slug }),
    ];
    // A refresh that succeeds makes this token a used one, so only refusals are tried.
    if (answers.every(({ status }) => status === 401))
      answers.push(await anyone.post('/auth/refresh', { refreshToken }));
    return answers.map(({ status }) => status);
  };
}

describe('a new tenant', () => {
  it('has an owner who can sign in at once', async () => {
    const wanted = body({ plan: 'premium' });
    const created = (await admin.post('/admin/tenants', wanted).expect(201)).json();
    expect(created).toEqual({
      id: expect.any(String),
      name: 'Acme',
      slug: wanted.slug,
      plan: 'premium',
      status: 'active',
      permissionPolicy: null,
      metadata: {},
      deletedAt: null,
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    expect((await admin.get(`/admin/tenants/${String(created['id'])}`).expect(200)).json()).toEqual(created);
    const owner = await given.login(wanted.owner.email, PASSWORD);
    expect((await owner.as.get('/auth/me')).json()).toMatchObject({
      role: 'owner',
      superadmin: false,
      tenant: { slug: wanted.slug },
    });
  });

  it('invites an owner who is a user already, and leaves their password alone', async () => {
    const { owner } = await given.tenant();
    const wanted = body({ owner: { email: owner.email, password: 'a password of the superadmin' } });
    await admin.post('/admin/tenants', wanted).expect(201);
    await anyone.post('/auth/login', { email: owner.email, password: wanted.owner.password }).expect(401);
    const { data } = (await owner.as.get('/auth/invitations').expect(200)).json<Ids>();
    expect(data).toMatchObject([{ tenant: { slug: wanted.slug }, role: 'owner' }]);
    await owner.as.post(`/auth/invitations/${data[0]!.id}/accept`).expect(200);
    await owner.as.post('/auth/switch-tenant', { tenant: wanted.slug }).expect(200);
  });

  it('is the superadmin’s own at once when they name themselves', async () => {
    const wanted = body({ owner: { email: ADMIN.email } });
    await admin.post('/admin/tenants', wanted).expect(201);
    await anyone.post('/auth/login', { ...ADMIN, tenant: wanted.slug }).expect(200);
    await anyone.post('/auth/login', { ...ADMIN, tenant: 'default' }).expect(200);
  });

  it('needs a slug that was never taken', async () => {
    const { slug, tenantId } = await given.tenant();
    expect((await admin.post('/admin/tenants', body({ slug })).expect(409)).json()).toMatchObject({ code: 'conflict' });
    await admin.delete(`/admin/tenants/${tenantId}`).expect(204);
    await admin.post('/admin/tenants', body({ slug })).expect(409);
    await admin.post('/admin/tenants', body({ slug: 'default' })).expect(409);
  });

  it('comes of one of several requests for one slug at once', async () => {
    const slug = newSlug();
    const answers = await Promise.all([1, 2, 3].map(() => admin.post('/admin/tenants', body({ slug }))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
  });

  it('is made once with one idempotency key', async () => {
    const [wanted, key] = [body(), { 'idempotency-key': randomUUID() }];
    const first = await admin.post('/admin/tenants', wanted, key).expect(201);
    const again = await admin.post('/admin/tenants', wanted, key).expect(201);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.json()).toEqual(first.json());
  });

  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(201) }, 'name'],
    [{ slug: 'A' }, 'slug'],
    [{ slug: '-abc' }, 'slug'],
    [{ slug: 'a' }, 'slug'],
    [{ slug: 'x'.repeat(64) }, 'slug'],
    [{ owner: undefined }, 'owner'],
    [{ owner: 'a@b.example' }, 'owner'],
    [{ owner: null }, 'owner'],
    [{ owner: [{ email: 'a@b.example' }] }, 'owner'],
    [{ owner: { email: 'x' } }, 'owner.email'],
    [{ owner: { email: 'a@b.example', password: 'short' } }, 'owner.password'],
    [{ owner: { email: 'a@b.example', superadmin: true } }, 'owner.superadmin'],
    [{ plan: 'gold' }, 'plan'],
    [{ id: randomUUID() }, 'id'],
    [{ status: 'suspended' }, 'status'],
  ])('is refused: %j', async (part, field) => {
    expect(faultyFields(await admin.post('/admin/tenants', body(part)).expect(422))).toContain(field);
  });
});

describe('a suspended tenant', () => {
  it('lets nobody in from the next request on, and everybody again when it is active', async () => {
    const tenant = await given.tenant();
    const tryDoors = await doors(tenant);
    expect(await tryDoors()).toEqual([200, 200, 200, 200]);
    const suspended = await admin.patch(`/admin/tenants/${tenant.tenantId}`, { status: 'suspended' }).expect(200);
    expect(suspended.json()).toMatchObject({ status: 'suspended' });
    expect(await tryDoors()).toEqual([401, 401, 401, 401, 401]);
    await admin.patch(`/admin/tenants/${tenant.tenantId}`, { status: 'active' }).expect(200);
    expect(await tryDoors()).toEqual([200, 200, 200, 200]);
    await anyone.post('/auth/refresh', { refreshToken: tenant.owner.refreshToken }).expect(200);
  });

  it.each([
    ['suspended', 'active again', { status: 'suspended' }, { status: 'active' }],
    ['deleted', 'restored', null, null],
  ])('that is %s has its runs wait, also those under way, until it is %s', async (_how, _back, off, on) => {
    const { as, sessionId, tenantId } = await given.session({ model: 'claude-haiku-4-5' });
    app.upstream.enqueue({ silent: true });
    const { length } = app.upstream.requests;
    const body = { content: 'Hi', background: true };
    const { run } = (await as.post(`/sessions/${sessionId}/messages`, body).expect(202)).json<{
      run: { id: string };
    }>();
    await eventually(
      () => app.upstream.requests.length,
      (calls) => calls > length,
    );
    const path = `/admin/tenants/${tenantId}`;
    await (off ? admin.patch(path, off).expect(200) : admin.delete(path).expect(204));
    await eventually(
      () => app.upstream.requests[length]?.aborted,
      (aborted) => aborted === true,
    );
    // Long enough for a ring to be heard.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(app.upstream.requests.length).toBe(length + 1);
    await (on ? admin.patch(path, on).expect(200) : admin.post(`${path}/restore`).expect(200));
    const ended = await eventually(
      async () => (await as.get(`/runs/${run.id}`).expect(200)).json<{ status: string }>(),
      ({ status }) => status === 'completed',
    );
    expect(ended).toMatchObject({ attempts: 2 });
  });

  it('does not keep its people out of their other tenants', async () => {
    const [first, second] = [await given.tenant(), await given.tenant()];
    const person = await given.member(first, 'member');
    await second.as.post('/members', { email: person.email, role: 'member' }).expect(201);
    const { data } = (await person.as.get('/auth/invitations')).json<Ids>();
    await person.as.post(`/auth/invitations/${data[0]!.id}/accept`).expect(200);
    await admin.patch(`/admin/tenants/${first.tenantId}`, { status: 'suspended' }).expect(200);
    const there = await given.login(person.email, person.password);
    expect((await there.as.get('/auth/me')).json()).toMatchObject({ tenant: { slug: second.slug } });
  });

  it('is never the one the superadmin is signed in to', async () => {
    const { tenant } = (await admin.get('/auth/me')).json<{ tenant: { id: string } }>();
    await admin.patch(`/admin/tenants/${tenant.id}`, { status: 'suspended' }).expect(409);
    await admin.delete(`/admin/tenants/${tenant.id}`).expect(409);
    await admin.get('/auth/me').expect(200);
  });
});

describe('a changed tenant', () => {
  it('has the name and plan given, the others as they were', async () => {
    const { tenantId, slug, as } = await given.tenant();
    await admin.patch(`/admin/tenants/${tenantId}`, { plan: 'premium' }).expect(200);
    expect((await as.get('/tenant')).json()).toMatchObject({ name: slug, plan: 'premium' });
    await admin.patch(`/admin/tenants/${tenantId}`, { name: 'Renamed' }).expect(200);
    expect((await as.get('/tenant')).json()).toMatchObject({ name: 'Renamed', plan: 'premium', slug });
  });

  it.each([
    [{ slug: 'other' }, 'slug'],
    [{ id: randomUUID() }, 'id'],
    [{ status: 'deleted' }, 'status'],
    [{ status: null }, 'status'],
    [{ plan: null }, 'plan'],
    [{ deletedAt: null }, 'deletedAt'],
    [{ permissionPolicy: {} }, 'permissionPolicy'],
  ])('is refused: %j', async (part, field) => {
    const { tenantId } = await given.tenant();
    expect(faultyFields(await admin.patch(`/admin/tenants/${tenantId}`, part).expect(422))).toContain(field);
  });
});

describe('a deleted tenant', () => {
  it('is invisible at once, listed as deleted, and as it was when restored', async () => {
    const tenant = await given.tenant();
    const path = `/admin/tenants/${tenant.tenantId}`;
    const tryDoors = await doors(tenant);
    await admin.delete(path).expect(204);
    expect(await tryDoors()).toEqual([401, 401, 401, 401, 401]);
    await admin.get(path).expect(404);
    await admin.patch(path, { name: 'x' }).expect(404);
    await admin.delete(path).expect(404);
    const ids = async (query: string) =>
      (await admin.get(`/admin/tenants?limit=100${query}`).expect(200)).json<Ids>().data.map(({ id }) => id);
    expect(await ids('')).not.toContain(tenant.tenantId);
    expect(await ids('&deleted=true')).toContain(tenant.tenantId);
    const restored = (await admin.post(`${path}/restore`).expect(200)).json();
    expect(restored).toMatchObject({ id: tenant.tenantId, deletedAt: null });
    expect(await tryDoors()).toEqual([200, 200, 200, 200]);
    await admin.post(`${path}/restore`).expect(409);
    expect(await ids('&deleted=true')).not.toContain(tenant.tenantId);
  });

  it('is erased with all that is its own when its time is over, and its slug stays taken', async () => {
    const store = await createTestStore();
    let running = await startApp({}, store);
    try {
      const { tenantId, slug, as, owner } = await new Given(running).tenant();
      const agent = (await as.post('/agents', { name: 'Helper', model: 'offline' }).expect(201)).json<{ id: string }>();
      await as.post('/sessions', { agentId: agent.id }).expect(201);
      await upload(as, 'text');
      const files = join(store.environment['DATA_DIR'] ?? '', 'files', tenantId);
      expect(existsSync(files)).toBe(true);
      const superadmin = await new Given(running).admin();
      await superadmin.delete(`/admin/tenants/${tenantId}`).expect(204);
      await asSystem(
        running.nest.get(Db),
        `UPDATE tenants SET deleted_at = now() - interval '31 days' WHERE id = :tenantId`,
        { tenantId },
      );
      await superadmin.post(`/admin/tenants/${tenantId}/restore`).expect(404);
      await running.close();

      running = await startApp({}, store);
      const db = running.nest.get(Db);
      await eventually(
        () => asSystem(db, 'SELECT 1 FROM tenants WHERE id = :tenantId', { tenantId }),
        (rows) => rows.length === 0,
      );
      await eventually(
        () => asSystem(db, 'SELECT 1 FROM users WHERE email = :email', { email: owner.email }),
        (rows) => rows.length === 0,
      );
      expect(existsSync(files)).toBe(false);
      expect(await asSystem(db, 'SELECT 1 FROM events WHERE tenant_id = :tenantId', { tenantId })).toEqual([]);
      await (await new Given(running).admin()).post('/admin/tenants', body({ slug })).expect(409);
    } finally {
      await running.close();
      await store.drop();
    }
  });
});

describe('the administration of tenants', () => {
  it('is for superadmins alone', async () => {
    const { as, tenantId } = await given.tenant();
    for (const answer of [
      await as.get('/admin/tenants'),
      await as.get(`/admin/tenants/${tenantId}`),
      await as.post('/admin/tenants', body()),
      await as.patch(`/admin/tenants/${tenantId}`, { plan: 'premium' }),
      await as.delete(`/admin/tenants/${tenantId}`),
      await as.post(`/admin/tenants/${tenantId}/restore`),
    ]) {
      expect(answer.status).toBe(403);
    }
    await anyone.get('/admin/tenants').expect(401);
  });

  it('gives no access to what is in a tenant', async () => {
    const { owner, slug } = await given.tenant();
    await admin.get(`/members/${owner.userId}`).expect(404);
    await admin.post('/auth/switch-tenant', { tenant: slug }).expect(422);
  });

  it('lists in pages, newest first', async () => {
    const made = [await given.tenant(), await given.tenant(), await given.tenant()]
      .map(({ tenantId }) => tenantId)
      .reverse();
    const page = (await admin.get('/admin/tenants?limit=2').expect(200)).json<Ids>();
    expect(page.data.map(({ id }) => id)).toEqual(made.slice(0, 2));
    await given.tenant();
    const next = (await admin.get(`/admin/tenants?limit=1&cursor=${String(page.nextCursor)}`).expect(200)).json<Ids>();
    expect(next.data.map(({ id }) => id)).toEqual(made.slice(2));
    await admin.get('/admin/tenants?deleted=perhaps').expect(422);
    await admin.get(`/admin/tenants/${randomUUID()}`).expect(404);
    await admin.get('/admin/tenants/default').expect(404);
  });
});
