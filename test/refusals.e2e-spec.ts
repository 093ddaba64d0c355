import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { permissionsOf } from '../src/contracts/permissions.js';
import type { Operation } from './api-document.js';
import { Client } from './client.js';
import { DocumentedApi } from './documented-api.js';
import { isForSuperadmins, ownPath, withId, type Furnished } from './one-of-everything.js';
import { SECRET } from './server.js';

let api: DocumentedApi;

beforeAll(async () => {
  api = await DocumentedApi.start();
}, 120_000);

afterAll(() => api.stop());

describe('A cursor', () => {
  /** One of each list that has several pages. */
  async function cursors(tenant: Furnished): Promise<[Operation, string, string][]> {
    await tenant.as.post('/sessions', {}).expect(201);
    await tenant.as.post('/agents', { name: 'Another' }).expect(201);
    await tenant.as.post('/api-keys', { name: 'Another' }).expect(201);
    const found: [Operation, string, string][] = [];
    for (const operation of api.operations.filter(({ query }) => query.some(({ name }) => name === 'cursor'))) {
      for (const sort of operation.query.find(({ name }) => name === 'sort')?.schema.enum ?? [null]) {
        const path = `${ownPath(operation, tenant)}?${typeof sort === 'string' ? `sort=${sort}&` : ''}`;
        const as = isForSuperadmins(operation) ? api.superadmin : tenant.as;
        const { nextCursor } = (await as.get(`${path}limit=1`).expect(200)).json<{ nextCursor: string | null }>();
        if (nextCursor !== null) found.push([operation, path, nextCursor]);
      }
    }
    return found;
  }

  it('that was changed is refused', async () => {
    const found = await cursors(api.ours);
    expect(found.length).toBeGreaterThan(5);
    for (const [operation, path, cursor] of found) {
      const flipped = [0, 1, 8, 16, 20, cursor.length >> 1, -2].map((index) => {
        const bytes = Buffer.from(cursor, 'base64url');
        const position = index < 0 ? bytes.length + index : Math.min(index, bytes.length - 1);
        bytes[position] = (bytes[position] ?? 0) ^ 1;
        return bytes.toString('base64url');
      });
      const others = [
        '',
        'null',
        '0',
        `${cursor}=`,
        `${cursor}A`,
        cursor.slice(0, -1),
        cursor.slice(1),
        cursor.slice(0, 22),
        api.ours.ids.session,
      ];
      const unsigned = Buffer.from(JSON.stringify([api.ours.ids.session])).toString('base64url');
      for (const other of [...flipped, ...others, unsigned, 'x'.repeat(1999)]) {
        await api.refused(400, '', operation, `${path}cursor=${encodeURIComponent(other)}`);
      }
      await api.refused(422, 'cursor', operation, `${path}cursor=${'x'.repeat(2001)}`);
    }
  });

  it('of another list or tenant shows what is our own at most, or is refused', async () => {
    const found = [...(await cursors(api.ours)), ...(await cursors(api.theirs))];
    for (const [operation, path] of await cursors(api.ours)) {
      const own = (await api.send(operation, `${path}limit=100`))
        .json<{ data: unknown[] }>()
        .data.map((item) => JSON.stringify(item));
      for (const [, , cursor] of found) {
        const answer = await api.send(operation, `${path}limit=100&cursor=${encodeURIComponent(cursor)}`);
        expect([operation.id, [200, 400].includes(answer.status), answer.status]).toEqual([
          operation.id,
          true,
          answer.status,
        ]);
        const shown =
          answer.status === 200 ? answer.json<{ data: unknown[] }>().data.map((item) => JSON.stringify(item)) : [];
        const alien = shown.filter((item) => !own.includes(item) && !item.includes('"lastUsedAt"'));
        if (operation.id !== 'audit_list') expect([operation.id, alien]).toEqual([operation.id, []]);
      }
    }
  });
});

describe('What is wrong with a request is told in order', () => {
  it('who it is from comes before what is in it', async () => {
    const ofViewers: ReadonlySet<string> = permissionsOf('viewer');
    const [nobody, viewer] = [new Client(api.server.url), (await api.given.member(api.ours, 'viewer')).as];
    for (const operation of api.withBody.filter(({ isOpen }) => !isOpen)) {
      const path = withId(operation, 'x');
      for (const [text, type] of [
        ['{', 'application/json'],
        ['x', 'text/plain'],
      ] as const) {
        const answers = await Promise.all(
          [nobody, viewer].map((as) => as.send(operation.method, `${path}?nosuch=1`, text, { 'content-type': type })),
        );
        const { permission } = operation;
        const mayNot = isForSuperadmins(operation) || !(permission === null || ofViewers.has(permission));
        const expected = [401, mayNot ? 403 : type === 'text/plain' ? 415 : 400];
        expect([operation.id, ...answers.map(({ status }) => status)]).toEqual([operation.id, ...expected]);
      }
    }
  });

  it('what is not there comes before what is wrong with a field, a parameter or a key', async () => {
    for (const operation of api.operations.filter(({ pathParameters }) => pathParameters.length > 0)) {
      for (const id of [v7(), api.theirs.ids.run, 'x']) {
        await api.refused(404, '', operation, `${withId(operation, id)}?nosuch=1`);
        if (operation.method === 'GET' || operation.method === 'DELETE') continue;
        await api.refused(404, '', operation, withId(operation, id), { nosuch: 1 });
        await api.refused(404, '', operation, withId(operation, id), { nosuch: 1 }, { 'idempotency-key': 'ä b' });
      }
    }
  });

  it('what is wrong with a field comes before a conflict', async () => {
    const { session } = api.ours.ids;
    await api.refused(422, 'nosuch', api.document.operation('members_add'), '/members', {
      email: api.ours.owner.email,
      role: 'viewer',
      nosuch: 1,
    });
    await api.refused(409, '', api.document.operation('members_add'), '/members', {
      email: api.ours.owner.email,
      role: 'viewer',
    });
    await api.refused(422, 'nosuch', api.document.operation('runs_cancel'), `/runs/${api.ours.ids.run}/cancel`, {
      nosuch: 1,
    });
    await api.refused(409, '', api.document.operation('runs_cancel'), `/runs/${api.ours.ids.run}/cancel`);
    await api.refused(422, 'model', api.document.operation('messages_send'), `/sessions/${session}/messages`, {
      content: 'x',
      model: 'nosuch',
    });
  });
});

describe('A token', () => {
  const now = () => Math.floor(Date.now() / 1000);

  it('that is not api.ours, not for this, or not good any more is none', async () => {
    const { accessToken, refreshToken } = api.ours.owner;
    const claims = claimsOf(accessToken);
    expect((await new Client(api.server.url, signed({ alg: 'HS256' }, claims)).get('/auth/me')).status).toBe(200);
    const { exp: _exp, ...endless } = claims;
    const { sid: _sid, ...ofNoLogin } = claims;
    const [header = '', payload = '', signature = ''] = accessToken.split('.');
    const forged: Record<string, string> = {
      expired: signed({ alg: 'HS256' }, { ...claims, iat: now() - 3_600, exp: now() - 1 }),
      endless: signed({ alg: 'HS256' }, endless),
      'of another issuer': signed({ alg: 'HS256' }, { ...claims, iss: 'https://issuer.example.com' }),
      'for another audience': signed({ alg: 'HS256' }, { ...claims, aud: 'atrium-refresh' }),
      'for nobody': signed({ alg: 'HS256' }, ofNoLogin),
      'of a login that never was': signed({ alg: 'HS256' }, { ...claims, sid: v7() }),
      'of a login with an odd id': signed({ alg: 'HS256' }, { ...claims, sid: `${String(claims['sid'])}'--` }),
      'of another user': signed({ alg: 'HS256' }, { ...claims, sub: api.theirs.owner.userId }),
      'of another tenant': signed({ alg: 'HS256' }, { ...claims, tid: api.theirs.tenantId }),
      'with alg none': `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      'with alg none, signed': `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`,
      'with alg NONE': `${encoded({ alg: 'NONE' })}.${payload}.`,
      'with alg HS512': signed({ alg: 'HS512' }, claims, SECRET, 'sha512'),
      'with alg RS256': signed({ alg: 'RS256' }, claims),
      'with a key of its own': signed({ alg: 'HS256', jwk: { kty: 'oct', k: 'eA' } }, claims, 'x'),
      'with an empty key': signed({ alg: 'HS256' }, claims, ''),
      'not signed': `${header}.${payload}.`,
      'cut off': accessToken.slice(0, -3),
      'with another payload': `${header}.${encoded({ ...claims, tid: api.theirs.tenantId })}.${signature}`,
      'for refreshing': refreshToken,
      'no token at all': 'null',
      'far too long': 'x'.repeat(10_000),
    };
    for (const [what, token] of Object.entries(forged)) {
      const answer = await new Client(api.server.url, token).get('/auth/me');
      expect([what, answer.status, answer.headers.get('www-authenticate')]).toEqual([what, 401, 'Bearer']);
      expect(api.schemas.faults(api.document.operation('auth_me'), answer)).toEqual([]);
      const refreshing =
        what === 'for refreshing'
          ? null
          : await new Client(api.server.url).post('/auth/refresh', { refreshToken: token });
      if (refreshing) expect([what, [401, 422].includes(refreshing.status)]).toEqual([what, true]);
    }
  });

  it('is none in another scheme, twice, or in the URL', async () => {
    const { accessToken } = api.ours.owner;
    const nobody = new Client(api.server.url);
    for (const authorization of [
      accessToken,
      `Basic ${accessToken}`,
      `Bearer`,
      `Bearer ${accessToken} x`,
      `Bearer ${accessToken}, Bearer ${accessToken}`,
    ]) {
      await nobody.get('/auth/me', { authorization }).expect(401);
    }
    for (const name of ['access_token', 'token', 'api_key'])
      await nobody.get(`/auth/me?${name}=${accessToken}`).expect(401);
  });

  it('is none from the moment its user is removed, deleted with the tenant, or logged out', async () => {
    const tenant = await api.given.tenant();
    const person = await api.given.member(tenant, 'member');
    const { key } = (await person.as.post('/api-keys', { name: 'k' }).expect(201)).json<{ key: string }>();
    await tenant.as.delete(`/members/${person.userId}`).expect(204);
    for (const credential of [person.accessToken, key]) {
      await new Client(api.server.url, credential).get('/auth/me').expect(401);
    }
    await api.superadmin.delete(`/admin/tenants/${tenant.tenantId}`).expect(204);
    await tenant.as.get('/auth/me').expect(401);
    await new Client(api.server.url).post('/auth/refresh', { refreshToken: tenant.owner.refreshToken }).expect(401);
  });
});

describe('Every answer', () => {
  it('carries the headers that protect and inform', async () => {
    for (const operation of api.operations) {
      const answer = await api.caller(operation).send(operation.method, path(operation), undefined, {
        'x-correlation-id': 'mine-1',
      });
      const { headers } = answer;
      const shown = Object.fromEntries(EVERYWHERE.map((name) => [name, headers.get(name)]));
      expect([operation.id, shown]).toEqual([
        operation.id,
        {
          'x-correlation-id': 'mine-1',
          'x-content-type-options': 'nosniff',
          'x-frame-options': 'DENY',
          'strict-transport-security': 'max-age=31536000',
          'content-security-policy': expect.stringContaining("default-src 'none'"),
          'referrer-policy': 'no-referrer',
          'x-powered-by': null,
          etag: null,
        },
      ]);
      if (!operation.path.startsWith('/api/')) continue;
      const limits = ['limit', 'remaining', 'reset'].map((name) => headers.get(`ratelimit-${name}`));
      expect([operation.id, limits]).toEqual([operation.id, limits.map(() => expect.stringMatching(/^\d+$/))]);
      expect([operation.id, headers.get('cache-control')]).toEqual([
        operation.id,
        expect.stringMatching(/no-store|no-transform/),
      ]);
    }
  });

  /** Of nothing, but for what has no id. */
  function path(operation: Operation): string {
    return operation.path.startsWith('/api/') ? withId(operation, v7()) : operation.path.slice(1);
  }

  const EVERYWHERE = [
    ...['x-correlation-id', 'x-content-type-options', 'x-frame-options', 'strict-transport-security'],
    ...['content-security-policy', 'referrer-policy', 'x-powered-by', 'etag'],
  ];
});

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

function signed(header: object, claims: object, key = SECRET, algorithm = 'sha256'): string {
  const text = `${encoded(header)}.${encoded(claims)}`;
  return `${text}.${createHmac(algorithm, key).update(text).digest('base64url')}`;
}
