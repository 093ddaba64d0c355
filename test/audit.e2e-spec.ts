import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { Given } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
});
afterAll(() => app.close());

interface LogRecord {
  id: string;
  at: string;
  action: string;
  actorId: string | null;
  resourceId: string | null;
  changes: Record<string, unknown> | null;
}

async function log(as: Client, query = ''): Promise<LogRecord[]> {
  return (await as.get(`/audit-logs?limit=100${query}`).expect(200)).json<{ data: LogRecord[] }>().data;
}

const actions = async (as: Client, query = ''): Promise<string[]> => (await log(as, query)).map(({ action }) => action);

describe('the audit log', () => {
  it('says who did what to what, from where, in which request', async () => {
    const { as, owner } = await given.tenant();
    const body = { email: `${randomUUID()}@example.com`, role: 'member', password: 'a very secret password' };
    const added = await as.post('/members', body, { 'x-correlation-id': 'my-request.1' }).expect(201);
    const { userId } = added.json<{ userId: string }>();
    const [record] = await log(as);
    expect(record).toEqual({
      id: expect.any(String),
      at: expect.stringMatching(/^\d{4}-.*Z$/),
      actorId: owner.userId,
      actorType: 'user',
      action: 'member.added',
      resourceType: 'member',
      resourceId: userId,
      ip: expect.any(String),
      correlationId: 'my-request.1',
      changes: { role: 'member' },
    });
  });

  it('has a record of everything that people do with accounts, keys and the tenant', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    const { id } = (await person.as.post('/api-keys', { name: 'k' }).expect(201)).json<{ id: string }>();
    await person.as.delete(`/api-keys/${id}`).expect(204);
    await tenant.as.patch(`/members/${person.userId}`, { role: 'viewer' }).expect(200);
    await person.as.post('/auth/logout').expect(204);
    await tenant.as.delete(`/members/${person.userId}`).expect(204);
    await tenant.as.patch('/tenant', { name: 'Renamed' }).expect(200);
    expect(await actions(tenant.as)).toEqual([
      'tenant.updated',
      'member.removed',
      'auth.loggedOut',
      'member.updated',
      'apiKey.revoked',
      'apiKey.created',
      'auth.loggedIn',
      'member.added',
      'auth.loggedIn',
      'member.added',
      'tenant.created',
    ]);
  });

  it('has a record of a stolen refresh token and of logins that end elsewhere', async () => {
    const { as, owner } = await given.tenant();
    const other = await given.login(owner.email, owner.password);
    const anyone = new Client(app.url);
    await anyone.post('/auth/refresh', { refreshToken: other.refreshToken }).expect(200);
    await anyone.post('/auth/refresh', { refreshToken: other.refreshToken }).expect(401);
    await anyone.post('/auth/refresh', { refreshToken: other.refreshToken }).expect(401);
    await given.login(owner.email, owner.password);
    await as
      .post('/auth/change-password', { currentPassword: owner.password, newPassword: 'a brand new password' })
      .expect(204);
    expect((await actions(as)).slice(0, 4)).toEqual([
      'auth.passwordChanged',
      'auth.loggedOut',
      'auth.loggedIn',
      'auth.refreshReused',
    ]);
  });

  it('has what superadmins do to the tenant', async () => {
    const { as, tenantId } = await given.tenant();
    const admin = await given.admin();
    await admin.patch(`/admin/tenants/${tenantId}`, { plan: 'premium', name: 'Theirs' }).expect(200);
    await admin.patch(`/admin/tenants/${tenantId}`, { status: 'suspended' }).expect(200);
    await admin.patch(`/admin/tenants/${tenantId}`, { status: 'active' }).expect(200);
    await admin.delete(`/admin/tenants/${tenantId}`).expect(204);
    await admin.post(`/admin/tenants/${tenantId}/restore`).expect(200);
    const records = await log(as);
    expect(records.slice(0, 5).map(({ action }) => action)).toEqual([
      'tenant.restored',
      'tenant.deleted',
      'tenant.activated',
      'tenant.suspended',
      'tenant.updated',
    ]);
    expect(records[4]).toMatchObject({ resourceId: tenantId, changes: { plan: 'premium', name: 'Theirs' } });
    expect(await actions(admin)).not.toContain('tenant.suspended');
  });

  it('never holds a secret', async () => {
    const { as, owner } = await given.tenant();
    const password = 'secret-of-a-member-1234';
    await as.post('/members', { email: `${randomUUID()}@example.com`, role: 'member', password }).expect(201);
    const { key } = (await as.post('/api-keys', { name: 'k' }).expect(201)).json<{ key: string }>();
    const newPassword = 'secret-of-the-owner-1234';
    await as.post('/auth/change-password', { currentPassword: owner.password, newPassword }).expect(204);
    const text = JSON.stringify(await log(as));
    for (const secret of [
      password,
      newPassword,
      owner.password,
      key,
      owner.refreshToken,
      owner.accessToken,
      'argon2',
      'keyHash',
    ]) {
      expect(text).not.toContain(secret);
    }
  });

  it('is filtered by actor, action, resource and time', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'admin');
    await person.as.post('/api-keys', { name: 'k' }).expect(201);
    const before = new Date().toISOString();
    await tenant.as.patch(`/members/${person.userId}`, { role: 'member' }).expect(200);
    expect(await actions(tenant.as, `&actorId=${person.userId}`)).toEqual(['apiKey.created', 'auth.loggedIn']);
    expect(await actions(tenant.as, '&action=member.updated')).toEqual(['member.updated']);
    expect(await actions(tenant.as, '&resourceType=apiKey')).toEqual(['apiKey.created']);
    expect(await actions(tenant.as, `&resourceId=${person.userId}`)).toEqual(['member.updated', 'member.added']);
    expect(await actions(tenant.as, `&from=${before}`)).toEqual(['member.updated']);
    expect(await actions(tenant.as, `&to=${before}&action=member.updated`)).toEqual([]);
    expect(await actions(tenant.as, `&from=2000-01-01&to=2001-01-01`)).toEqual([]);
    expect(await actions(tenant.as, `&actorId=${randomUUID()}`)).toEqual([]);
    expect(await actions(tenant.as, '&action=no.such')).toEqual([]);
    expect(await actions(tenant.as, '&action=')).toEqual([]);
  });

  it.each([
    'actorId=x',
    'resourceId=x',
    'from=yesterday',
    'to=2030-02-31',
    'from=2030-W01',
    'action=a&action=b',
    'tenantId=x',
    'limit=0',
  ])('refuses the query %s', async (query) => {
    const { as } = await given.tenant();
    await as.get(`/audit-logs?${query}`).expect(422);
  });

  it('names the superadmin who changed the tenant from outside', async () => {
    const { as, tenantId } = await given.tenant();
    const admin = await given.admin();
    await admin.patch(`/admin/tenants/${tenantId}`, { name: 'renamed' }).expect(200);
    const me = (await admin.get('/auth/me').expect(200)).json<{ user: { id: string } }>();
    const [record] = await log(as, '&action=tenant.updated');
    expect(record).toMatchObject({ actorId: me.user.id, actorType: 'user', resourceId: tenantId });
  });

  it('comes in pages, newest first', async () => {
    const { as } = await given.tenant();
    for (const name of ['a', 'b', 'c']) await as.patch('/tenant', { name }).expect(200);
    const page = (await as.get('/audit-logs?limit=2').expect(200)).json<Listed<LogRecord>>();
    await as.patch('/tenant', { name: 'd' }).expect(200);
    const next = (await as.get(`/audit-logs?limit=2&cursor=${String(page.nextCursor)}`).expect(200)).json<
      Listed<LogRecord>
    >();
    expect([...page.data, ...next.data].map(({ changes }) => changes?.['name'])).toEqual(['c', 'b', 'a', undefined]);
  });

  it('is for admins and owners, and shows nothing of another tenant', async () => {
    const [tenant, other] = [await given.tenant(), await given.tenant()];
    const admin = await given.member(tenant, 'admin');
    const member = await given.member(tenant, 'member');
    await admin.as.get('/audit-logs').expect(200);
    const refused = await member.as.get('/audit-logs').expect(403);
    expect(refused.json()).toMatchObject({ details: { permission: 'audit:read' } });
    expect(await actions(tenant.as, `&actorId=${other.owner.userId}`)).toEqual([]);
    expect(await actions(tenant.as, `&resourceId=${other.tenantId}`)).toEqual([]);
  });
});
