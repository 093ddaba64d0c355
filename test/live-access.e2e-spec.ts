import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { io, type Socket } from 'socket.io-client';
import { startApp, type TestApp } from './app.js';
import { Client } from './client.js';
import { Given, type Member, type Tenant } from './given.js';

let app: TestApp;
let given: Given;
let opened: Socket[] = [];

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
});
afterEach(() => {
  for (const socket of opened) socket.close();
  opened = [];
});
afterAll(() => app.close());

async function connect(token: string): Promise<Socket> {
  const socket = io(app.url, { auth: { token }, transports: ['websocket'], reconnection: false, forceNew: true });
  opened.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

function closed(socket: Socket): Promise<unknown> {
  return socket.connected ? new Promise((resolve) => socket.once('disconnect', resolve)) : Promise.resolve();
}

type End = (at: { tenant: Tenant; person: Member; keyId: string; admin: Client }) => Promise<unknown>;

const ENDS: [string, 'token' | 'key', End][] = [
  [
    'a change of role',
    'token',
    ({ tenant, person }) => tenant.as.patch(`/members/${person.userId}`, { role: 'viewer' }).expect(200),
  ],
  ['a removal', 'token', ({ tenant, person }) => tenant.as.delete(`/members/${person.userId}`).expect(204)],
  ['a removal', 'key', ({ tenant, person }) => tenant.as.delete(`/members/${person.userId}`).expect(204)],
  ['a logout', 'token', ({ person }) => person.as.post('/auth/logout').expect(204)],
  [
    'a logout everywhere',
    'token',
    async ({ person }) => {
      const { as } = await given.login(person.email, person.password);
      await as.post('/auth/logout-all').expect(204);
    },
  ],
  [
    'a change of password elsewhere',
    'token',
    async ({ person }) => {
      const { as } = await given.login(person.email, person.password);
      await as
        .post('/auth/change-password', { currentPassword: person.password, newPassword: 'a brand new password' })
        .expect(204);
    },
  ],
  [
    'a refresh token used twice',
    'token',
    async ({ person: { refreshToken } }) => {
      const anyone = new Client(app.url);
      await anyone.post('/auth/refresh', { refreshToken }).expect(200);
      await anyone.post('/auth/refresh', { refreshToken }).expect(401);
    },
  ],
  ['the revocation of the key', 'key', ({ person, keyId }) => person.as.delete(`/api-keys/${keyId}`).expect(204)],
  [
    'the suspension of the tenant',
    'token',
    ({ tenant, admin }) => admin.patch(`/admin/tenants/${tenant.tenantId}`, { status: 'suspended' }).expect(200),
  ],
  [
    'the deletion of the tenant',
    'key',
    ({ tenant, admin }) => admin.delete(`/admin/tenants/${tenant.tenantId}`).expect(204),
  ],
];

describe('an open socket', () => {
  it.each(ENDS)('is closed by %s (%s)', async (_what, by, end) => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    const made = (await person.as.post('/api-keys', { name: 'k' }).expect(201)).json<{ id: string; key: string }>();
    const socket = await connect(by === 'key' ? made.key : person.accessToken);
    const bystander = await connect((await given.tenant()).owner.accessToken);
    const gone = closed(socket);
    await end({ tenant, person, keyId: made.id, admin: await given.admin() });
    await gone;
    expect(bystander.connected).toBe(true);
  });

  it('stays open when another login of the same person ends', async () => {
    const { owner } = await given.tenant();
    const socket = await connect(owner.accessToken);
    const other = await given.login(owner.email, owner.password);
    const otherSocket = await connect(other.accessToken);
    await other.as.post('/auth/logout').expect(204);
    await closed(otherSocket);
    expect(socket.connected).toBe(true);
  });

  it('is not opened by a credential that has ended', async () => {
    const { owner } = await given.tenant();
    await owner.as.post('/auth/logout').expect(204);
    await expect(connect(owner.accessToken)).rejects.toMatchObject({ data: { code: 'authentication_error' } });
  });
});
