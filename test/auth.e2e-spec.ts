import { createHmac, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { faultyFields } from './answers.js';
import { ADMIN } from './admin.js';
import { startApp, type TestApp } from './app.js';
import { Client, type Answer } from './client.js';
import { Given, type Tenant } from './given.js';

interface Pair {
  accessToken: string;
  refreshToken: string;
}

let app: TestApp;
let given: Given;
let anyone: Client;

beforeAll(async () => {
  app = await startApp();
  given = new Given(app);
  anyone = new Client(app.url);
});
afterAll(() => app.close());

const refresh = (refreshToken: string): Promise<Answer> =>
  Promise.resolve(anyone.post('/auth/refresh', { refreshToken }));
const holder = (pair: Pair): Client => new Client(app.url, pair.accessToken);

describe('the first start', () => {
  it('makes a superadmin who owns the tenant default', async () => {
    const me = await (await given.admin()).get('/auth/me').expect(200);
    expect(me.json()).toMatchObject({
      user: { email: ADMIN.email },
      tenant: { slug: 'default' },
      role: 'owner',
      superadmin: true,
    });
  });
});

describe('a login', () => {
  it('answers a pair of tokens, the user and the tenant, and nothing else', async () => {
    const { owner, tenantId, slug } = await given.tenant();
    const answer = await anyone.post('/auth/login', { email: owner.email, password: owner.password }).expect(200);
    expect(answer.json()).toEqual({
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 900,
      user: { id: owner.userId, email: owner.email, name: 'owner' },
      tenant: { id: tenantId, name: slug, slug },
    });
  });

  it('takes the address in any case and with spaces around it', async () => {
    const { owner } = await given.tenant();
    await anyone.post('/auth/login', { email: ` ${owner.email.toUpperCase()} `, password: owner.password }).expect(200);
  });

  it('is refused with one and the same answer, whatever is wrong', async () => {
    const { owner } = await given.tenant();
    const other = await given.tenant();
    const { email, password } = owner;
    const refusals = await Promise.all([
      anyone.post('/auth/login', { email, password: 'not the password' }).expect(401),
      anyone.post('/auth/login', { email: `x${email}`, password }).expect(401),
      anyone.post('/auth/login', { email, password, tenant: other.slug }).expect(401),
      anyone.post('/auth/login', { email, password, tenant: 'does-not-exist' }).expect(401),
      anyone.post('/auth/login', { email, password, tenant: '' }).expect(401),
    ]);
    const told = refusals.map((answer) => {
      const { code, message, details } = answer.json();
      return { code, message, details };
    });
    expect(told[0]).toMatchObject({ code: 'authentication_error', message: 'Email or password is wrong' });
    expect(told).toEqual(told.map(() => told[0]));
  });

  it('does not repeat a password in a refusal', async () => {
    const secret = 'hunter2-hunter2'.repeat(20);
    const answer = await anyone
      .post('/auth/login', { email: 'a@b.example', password: secret, newPassword: secret })
      .expect(422);
    expect(answer.text).not.toContain('hunter2');
  });

  it.each([
    [{ email: 'nobody', password: 'x' }, 'email'],
    [{ email: `${'a'.repeat(250)}@b.example`, password: 'x' }, 'email'],
    [{ email: 'ı@b.example', password: 'x' }, 'email'],
    [{ email: 'a@b.example' }, 'password'],
    [{ email: 'a@b.example', password: '' }, 'password'],
    [{ email: 'a@b.example', password: 'x', tenant: 7 }, 'tenant'],
    [{ email: 'a@b.example', password: 'x', tenantId: 'x' }, 'tenantId'],
  ])('is refused as invalid: %j', async (body, field) => {
    const answer = await anyone.post('/auth/login', body).expect(422);
    expect(faultyFields(answer)).toContain(field);
  });

  it('goes to the tenant used last when it names none', async () => {
    const { first, second, email, password } = await inTwoTenants();
    await given.login(email, password, second.slug);
    expect((await (await given.login(email, password)).as.get('/auth/me')).json()).toMatchObject({
      tenant: { slug: second.slug },
    });
    await given.login(email, password, first.slug);
    expect((await (await given.login(email, password)).as.get('/auth/me')).json()).toMatchObject({
      tenant: { slug: first.slug },
    });
  });
});

/** A person who belongs to two tenants. */
async function inTwoTenants(): Promise<{
  first: Tenant;
  second: Tenant;
  email: string;
  password: string;
  as: Client;
  userId: string;
}> {
  const [first, second] = [await given.tenant(), await given.tenant()];
  const person = await given.member(first, 'member');
  await second.as.post('/members', { email: person.email, role: 'viewer' }).expect(201);
  const { data } = (await person.as.get('/auth/invitations').expect(200)).json<{ data: { id: string }[] }>();
  await person.as.post(`/auth/invitations/${data[0]!.id}/accept`).expect(200);
  return { first, second, email: person.email, password: person.password, as: person.as, userId: person.userId };
}

describe('refreshing', () => {
  it('gives a pair that works and can be refreshed again', async () => {
    const { owner } = await given.tenant();
    const second = (await refresh(owner.refreshToken)).json<Pair>();
    const third = (await refresh(second.refreshToken)).json<Pair>();
    await holder(second).get('/auth/me').expect(200);
    await holder(third).get('/auth/me').expect(200);
    expect(third.refreshToken).not.toBe(second.refreshToken);
  });

  it('with a token that was used before ends the whole family, the newest tokens too', async () => {
    const { owner } = await given.tenant();
    const second = (await refresh(owner.refreshToken)).json<Pair>();
    expect((await refresh(owner.refreshToken)).status).toBe(401);
    expect((await refresh(second.refreshToken)).status).toBe(401);
    await holder(second).get('/auth/me').expect(401);
    await owner.as.get('/auth/me').expect(401);
  });

  it('with a token that was used before leaves other logins of the user alone', async () => {
    const { owner } = await given.tenant();
    const other = await given.login(owner.email, owner.password);
    await refresh(owner.refreshToken);
    await refresh(owner.refreshToken);
    await other.as.get('/auth/me').expect(200);
  });

  it('with one token twice at once gives at most one pair', async () => {
    const { owner } = await given.tenant();
    const answers = await Promise.all([1, 2, 3].map(() => refresh(owner.refreshToken)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 401)).toHaveLength(2);
  });

  it.each([['an access token'], ['rubbish'], ['another signature']])('is refused with %s', async (what) => {
    const { owner } = await given.tenant();
    const token = {
      'an access token': owner.accessToken,
      rubbish: 'x.y.z',
      'another signature': `${owner.refreshToken.slice(0, -4)}AAAA`,
    }[what]!;
    expect((await refresh(token)).status).toBe(401);
    await owner.as.get('/auth/me').expect(200);
  });
});

describe('logging out', () => {
  it('ends the access token and the refresh token at once', async () => {
    const { owner } = await given.tenant();
    const other = await given.login(owner.email, owner.password);
    await owner.as.post('/auth/logout').expect(204);
    await owner.as.get('/auth/me').expect(401);
    expect((await refresh(owner.refreshToken)).status).toBe(401);
    await other.as.get('/auth/me').expect(200);
  });

  it('everywhere ends all logins of the user, in other tenants too, and nobody else’s', async () => {
    const { first, second, email, password, as } = await inTwoTenants();
    const elsewhere = await given.login(email, password, second.slug);
    await as.post('/auth/logout-all').expect(204);
    await as.get('/auth/me').expect(401);
    await elsewhere.as.get('/auth/me').expect(401);
    await first.as.get('/auth/me').expect(200);
  });
});

describe('changing the password', () => {
  it('ends all other logins and lets the new password in, not the old one', async () => {
    const { owner } = await given.tenant();
    const { email, password } = owner;
    const other = await given.login(email, password);
    const newPassword = 'a brand new password';
    await owner.as.post('/auth/change-password', { currentPassword: password, newPassword }).expect(204);
    await owner.as.get('/auth/me').expect(200);
    await other.as.get('/auth/me').expect(401);
    await anyone.post('/auth/login', { email, password }).expect(401);
    await anyone.post('/auth/login', { email, password: newPassword }).expect(200);
  });

  it('needs the current one, and at least eight characters', async () => {
    const { owner } = await given.tenant();
    const wrong = { currentPassword: 'not my password', newPassword: 'a brand new password' };
    const short = { currentPassword: owner.password, newPassword: 'short' };
    expect(faultyFields(await owner.as.post('/auth/change-password', wrong).expect(422))).toEqual(['currentPassword']);
    expect(faultyFields(await owner.as.post('/auth/change-password', short).expect(422))).toEqual(['newPassword']);
    await anyone.post('/auth/login', { email: owner.email, password: owner.password }).expect(200);
  });
});

describe('switching the tenant', () => {
  it('gives a pair for the other tenant, with the role one has there', async () => {
    const { second, as } = await inTwoTenants();
    const pair = (await as.post('/auth/switch-tenant', { tenant: second.slug }).expect(200)).json<Pair>();
    expect((await holder(pair).get('/auth/me')).json()).toMatchObject({
      tenant: { slug: second.slug },
      role: 'viewer',
    });
    expect((await as.get('/auth/me')).json()).toMatchObject({ role: 'member' });
  });

  it('to a tenant one does not belong to answers as if it did not exist', async () => {
    const [mine, other] = [await given.tenant(), await given.tenant()];
    const foreign = await mine.as.post('/auth/switch-tenant', { tenant: other.slug }).expect(422);
    const unknown = await mine.as.post('/auth/switch-tenant', { tenant: 'does-not-exist' }).expect(422);
    expect(foreign.json().message).toBe(unknown.json().message);
  });
});

describe('a credential', () => {
  it('is asked for, with a 401 that says so', async () => {
    expect((await anyone.get('/auth/me').expect(401)).json()).toMatchObject({ code: 'authentication_error' });
  });

  it.each([
    'none',
    'HS512',
    'HS256 of another key',
    'another issuer',
    'another audience',
    'another user',
    'another tenant',
  ])('is refused when it is forged: %s', async (how) => {
    const { owner } = await given.tenant();
    const other = await given.tenant();
    const [, body = ''] = owner.accessToken.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const forged = {
      none: () => sign({ alg: 'none' }, claims, null),
      HS512: () => sign({ alg: 'HS512' }, claims, SECRET, 'sha512'),
      'HS256 of another key': () => sign({ alg: 'HS256' }, claims, 'another key of thirty-two letters'),
      'another issuer': () => sign({ alg: 'HS256' }, { ...claims, iss: 'other' }, SECRET),
      'another audience': () => sign({ alg: 'HS256' }, { ...claims, aud: 'other' }, SECRET),
      'another user': () => sign({ alg: 'HS256' }, { ...claims, sub: other.owner.userId }, SECRET),
      'another tenant': () => sign({ alg: 'HS256' }, { ...claims, tid: other.tenantId }, SECRET),
    }[how]!();
    await new Client(app.url, sign({ alg: 'HS256' }, claims, SECRET)).get('/auth/me').expect(200);
    await new Client(app.url, forged).get('/auth/me').expect(401);
  });
});

const SECRET = 'test-secret-test-secret-test-secret-';

function sign(header: object, payload: object, key: string | null, algorithm = 'sha256'): string {
  const encoded = [header, payload].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${encoded}.${key === null ? '' : createHmac(algorithm, key).update(encoded).digest('base64url')}`;
}

describe('what a person may do', () => {
  it('follows their role from the next request on', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    await person.as.get('/members').expect(403);
    await tenant.as.patch(`/members/${person.userId}`, { role: 'admin' }).expect(200);
    await person.as.get('/members').expect(200);
    await tenant.as.patch(`/members/${person.userId}`, { role: 'viewer' }).expect(200);
    const refused = await person.as.post('/api-keys', { name: 'k' }).expect(403);
    expect(refused.json()).toMatchObject({ code: 'authorization_error', details: { permission: 'apiKeys:create' } });
  });

  it('ends with their membership', async () => {
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    const { key } = (await person.as.post('/api-keys', { name: 'k' }).expect(201)).json<{ key: string }>();
    await tenant.as.delete(`/members/${person.userId}`).expect(204);
    await person.as.get('/auth/me').expect(401);
    await new Client(app.url, key).get('/auth/me').expect(401);
    expect((await refresh(person.refreshToken)).status).toBe(401);
    await anyone.post('/auth/login', { email: person.email, password: person.password }).expect(401);
  });
});

describe('login limits', () => {
  /** A proxy in front of Atrium names the address; one that no other test has used, since Redis outlives an application. */
  const from = (address: string) => ({ 'x-forwarded-for': address });
  const newAddress = () => `2001:db8:${randomUUID().slice(0, 4)}:${randomUUID().slice(0, 4)}::1`;
  const newEmail = () => `${randomUUID()}@example.com`;

  it('hold for an account, from whatever address the attempts come, and before the password is looked at', async () => {
    const email = newEmail();
    const limited = await startApp({ RATE_LIMIT_LOGIN: '3', TRUST_PROXY: '1', ADMIN_EMAIL: email });
    try {
      const client = new Client(limited.url);
      const attempt = (password: string) => client.post('/auth/login', { email, password }, from(newAddress()));
      for (let n = 0; n < 3; n++) await attempt('a wrong password').expect(401);
      const refused = await attempt(ADMIN.password).expect(429);
      expect(refused.json()).toMatchObject({ code: 'rate_limit_error', retryAfter: expect.any(Number) });
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
      await client.post('/auth/login', { email: newEmail(), password: 'x' }, from(newAddress())).expect(401);
    } finally {
      await limited.close();
    }
  });

  it('hold for an address, whatever accounts are tried', async () => {
    const limited = await startApp({ RATE_LIMIT_LOGIN: '3', TRUST_PROXY: '1' });
    try {
      const client = new Client(limited.url);
      const attempt = (address: string) =>
        client.post('/auth/login', { email: newEmail(), password: 'x' }, from(address));
      const address = newAddress();
      for (let n = 0; n < 3; n++) await attempt(address).expect(401);
      await attempt(address).expect(429);
      await attempt(newAddress()).expect(401);
    } finally {
      await limited.close();
    }
  });
});
