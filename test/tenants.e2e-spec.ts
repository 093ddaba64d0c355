import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Given } from './given.js';

let app: TestApp;
let given: Given;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
});
afterAll(() => app.close());

const POLICY = {
  default: 'ask',
  rules: [{ tool: 'filesystem:read*', arguments: { '$.path': 'docs/*' }, action: 'allow' }],
};

describe('the tenant one is in', () => {
  it('is shown to all of its people', async () => {
    const tenant = await given.tenant();
    const viewer = await given.member(tenant, 'viewer');
    const shown = (await viewer.as.get('/tenant').expect(200)).json();
    expect(shown).toEqual({
      id: tenant.tenantId,
      name: tenant.slug,
      slug: tenant.slug,
      plan: 'standard',
      status: 'active',
      permissionPolicy: null,
      metadata: {},
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
  });

  it('is changed by owners, field by field; null resets', async () => {
    const { as } = await given.tenant();
    const changed = await as
      .patch('/tenant', { name: 'New name', permissionPolicy: POLICY, metadata: { a: [1, { b: null }] } })
      .expect(200);
    expect(changed.json()).toMatchObject({
      name: 'New name',
      permissionPolicy: POLICY,
      metadata: { a: [1, { b: null }] },
    });
    await as.patch('/tenant', { metadata: { c: 'ä💥' } }).expect(200);
    expect((await as.get('/tenant')).json()).toMatchObject({
      name: 'New name',
      permissionPolicy: POLICY,
      metadata: { c: 'ä💥' },
    });
    await as.patch('/tenant', { permissionPolicy: null, metadata: null }).expect(200);
    expect((await as.get('/tenant')).json()).toMatchObject({ name: 'New name', permissionPolicy: null, metadata: {} });
    await as.patch('/tenant', {}).expect(200);
  });

  it('is not changed by admins', async () => {
    const tenant = await given.tenant();
    const admin = await given.member(tenant, 'admin');
    const refused = await admin.as.patch('/tenant', { name: 'Mine' }).expect(403);
    expect(refused.json()).toMatchObject({ details: { permission: 'tenant:update' } });
  });

  it.each([
    [{ id: randomUUID() }, 'id'],
    [{ slug: 'other' }, 'slug'],
    [{ plan: 'premium' }, 'plan'],
    [{ status: 'active' }, 'status'],
    [{ tenantId: randomUUID() }, 'tenantId'],
    [{ createdAt: '2020-01-01T00:00:00Z' }, 'createdAt'],
    [{ name: null }, 'name'],
    [{ name: '' }, 'name'],
    [{ metadata: 'x' }, 'metadata'],
    [{ metadata: { a: 'b\u0000' } }, 'metadata.a'],
    [{ permissionPolicy: { default: 'maybe' } }, 'permissionPolicy.default'],
    [{ permissionPolicy: { default: null } }, 'permissionPolicy.default'],
    [{ permissionPolicy: { rules: [{ tool: 'a:b' }] } }, 'permissionPolicy.rules[0].action'],
    [{ permissionPolicy: { rules: [{ tool: '', action: 'deny' }] } }, 'permissionPolicy.rules[0].tool'],
    [
      { permissionPolicy: { rules: [{ tool: 'a:b', action: 'deny', arguments: { '$[': 'x' } }] } },
      'permissionPolicy.rules[0].arguments',
    ],
    [
      { permissionPolicy: { rules: [{ tool: 'a:b', action: 'deny', arguments: { '$.a': 1 } }] } },
      'permissionPolicy.rules[0].arguments',
    ],
    [{ permissionPolicy: { rules: [{ tool: 'a:b', action: 'deny', more: 1 }] } }, 'permissionPolicy.rules[0].more'],
    [{ permissionPolicy: [] }, 'permissionPolicy'],
    [{ permissionPolicy: [POLICY] }, 'permissionPolicy'],
    [{ permissionPolicy: { rules: [[{ tool: 'a:b', action: 'deny' }]] } }, 'permissionPolicy.rules'],
    [{ permissionPolicy: { rules: [null] } }, 'permissionPolicy.rules'],
  ])('refuses %j', async (body, field) => {
    const { as, slug } = await given.tenant();
    expect(faultyFields(await as.patch('/tenant', body).expect(422))).toContain(field);
    expect((await as.get('/tenant')).json()).toMatchObject({
      name: slug,
      plan: 'standard',
      permissionPolicy: null,
      metadata: {},
    });
  });
});
