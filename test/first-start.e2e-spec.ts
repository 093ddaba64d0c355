import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createApp } from '../src/bootstrap.js';
import { FirstStart } from '../src/modules/tenants/first-start.js';
import { loadSettings } from '../src/platform/config/load-settings.js';
import { Db } from '../src/platform/database/db.js';
import { Client } from './client.js';
import { asSystem } from './platform-fixtures.js';
import { createTestStore, type TestStore } from './test-store.js';

let store: TestStore;
let nest: NestExpressApplication;

beforeEach(async () => {
  store = await createTestStore();
});
afterEach(async () => {
  await nest.close();
  await store.drop();
});

/** Not listening yet, so that nothing was made. */
function create(environment: Record<string, string> = {}): Promise<NestExpressApplication> {
  return createApp(
    loadSettings({ LOG_LEVEL: 'silent', RATE_LIMIT_LOGIN: '100000', ...store.environment, ...environment }),
  );
}

/** Also gives what went to the terminal meanwhile. */
async function listen(): Promise<{ client: Client; printed: string }> {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await nest.listen(0, '127.0.0.1');
    const { port } = nest.getHttpServer().address() as AddressInfo;
    const printed = write.mock.calls.map(([text]) => String(text)).join('');
    return { client: new Client(`http://127.0.0.1:${port}`), printed };
  } finally {
    write.mockRestore();
  }
}

describe('the first start without ADMIN_EMAIL and ADMIN_PASSWORD', () => {
  it('prints a password that works, once', async () => {
    nest = await create();
    const first = await listen();
    const [, email, password] = /email +(\S+)\n +password +(\S+)/.exec(first.printed) ?? [];
    expect(email).toBe('admin@atrium.local');
    const { accessToken } = (await first.client.post('/auth/login', { email, password }).expect(200)).json<{
      accessToken: string;
    }>();
    const me = await new Client(first.client.url, accessToken).get('/auth/me').expect(200);
    expect(me.json()).toMatchObject({ superadmin: true, role: 'owner', tenant: { slug: 'default' } });
    await nest.close();

    nest = await create();
    const second = await listen();
    expect(second.printed).not.toContain('password');
    await second.client.post('/auth/login', { email, password }).expect(200);
  });
});

describe('several processes that find the database empty', () => {
  it('make one superadmin and one tenant', async () => {
    nest = await create({ ADMIN_EMAIL: 'Admin@example.com', ADMIN_PASSWORD: 'a long password' });
    await Promise.all([1, 2, 3].map(() => nest.get(FirstStart).onApplicationBootstrap()));
    const found = await asSystem(
      nest.get(Db),
      `SELECT u.email, u.superadmin, t.slug, m.role, m.status
       FROM users u LEFT JOIN memberships m ON m.user_id = u.id LEFT JOIN tenants t ON t.id = m.tenant_id`,
    );
    expect(found).toEqual([
      { email: 'admin@example.com', superadmin: true, slug: 'default', role: 'owner', status: 'active' },
    ]);
  });
});
