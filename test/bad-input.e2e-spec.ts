import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import { AnswerSchemas } from './answer-schemas.js';
import { faultyFields, type Ids } from './answers.js';
import { ApiDocument, typesOf, type Operation, type Place } from './api-document.js';
import { Client, type Answer } from './client.js';
import { Given } from './given.js';
import { furnish, isForSuperadmins, ownPath, withId, type Furnished } from './one-of-everything.js';
import { SECRET, startServer, type Server } from './server.js';

let server: Server;
let given: Given;
let api: ApiDocument;
let schemas: AnswerSchemas;
let ours: Furnished;
let theirs: Furnished;
let superadmin: Client;

beforeAll(async () => {
  server = await startServer();
  api = await ApiDocument.of(server.url);
  schemas = new AnswerSchemas(api);
  given = new Given(server);
  superadmin = await given.admin();
  [ours, theirs] = [await furnish(given, 'ours'), await furnish(given, 'theirs')];
}, 120_000);

afterAll(() => server.stop());

function caller(operation: Operation): Client {
  return isForSuperadmins(operation) ? superadmin : ours.as;
}

/** Answers as is documented, whatever is sent. */
async function send(
  operation: Operation,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Answer> {
  const answer = await caller(operation).send(operation.method, path, body, headers);
  const what = `${operation.method} ${path} ${JSON.stringify(body)?.slice(0, 300) ?? ''}`;
  const problem = answer.status >= 500 ? answer.text : null;
  expect([what, problem, schemas.faults(operation, answer)]).toEqual([what, null, []]);
  return answer;
}

/** The same, refused with this status; a 422 complains of this field or what is in it. */
async function refused(status: number, field: string, ...request: Parameters<typeof send>): Promise<void> {
  const answer = await send(...request);
  const [operation, path, body] = request;
  const what = [operation.method, path, JSON.stringify(body)?.slice(0, 300)];
  const blamed =
    answer.status === 422
      ? faultyFields(answer).filter((name) => name.startsWith(field) || field.startsWith(name))
      : [];
  expect([...what, answer.status, blamed.length > 0]).toEqual([...what, status, status === 422]);
}

function ofApi(): Operation[] {
  return api.operations.filter(({ path }) => path.startsWith('/api/'));
}

function withBody(): Operation[] {
  return ofApi().filter(({ method }) => method !== 'GET' && method !== 'DELETE');
}

function placesOf({ body }: Operation): Place[] {
  return body ? [...api.places(body)] : [];
}

/** What `ownPath` names must not be changed by what should be refused; nothing here should pass. */
describe('A body', () => {
  it.each([
    '{',
    '{"name":',
    "{'name':1}",
    '{"a":1,}',
    '[1',
    'undefined',
    'NaN',
    '{}{}',
    '"\\x"',
    '{"a":"\n"}',
    'name=1',
  ])('of %j is malformed, whatever the path names', async (text) => {
    for (const operation of withBody()) {
      await refused(400, '', operation, ownPath(operation, ours), text);
      if (operation.pathParameters.length > 0) await refused(400, '', operation, withId(operation, v7()), text);
    }
  });

  it.each([
    ['text/plain', '{}'],
    ['application/x-www-form-urlencoded', 'name=x'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/jsonx', '{}'],
    ['', '{}'],
  ])('of type %j is of no kind that is taken', async (type, text) => {
    for (const operation of withBody()) {
      await refused(415, '', operation, ownPath(operation, ours), text, { 'content-type': type });
    }
  });

  it('of 10 MB is too large', async () => {
    const text = JSON.stringify({ name: 'x'.repeat(10_000_000) });
    for (const operation of withBody()) await refused(413, '', operation, ownPath(operation, ours), text);
  });

  it.each(['[]', '"text"', '1', 'true', 'null', '[{}]'])('of %s is no object', async (text) => {
    for (const operation of withBody()) await refused(422, 'body', operation, ownPath(operation, ours), text);
  });

  it('with a field that is not known is refused, however deep the field is', async () => {
    for (const operation of withBody()) {
      if (!operation.body) await refused(422, 'nosuch', operation, ownPath(operation, ours), { nosuch: 1 });
      for (const { field, schema, body } of placesOf(operation).filter(({ schema: { properties } }) => properties)) {
        for (const name of ['nosuch', 'constructor', 'toString', '__proto__', '']) {
          // Not by assignment, which would set the prototype.
          const sample = { ...(api.sample(schema) as object), ...(JSON.parse(`{"${name}":1}`) as object) };
          const odd = Object.defineProperty(sample, name, { value: 1, enumerable: true });
          await refused(422, field === '' ? name : `${field}.${name}`, operation, ownPath(operation, ours), body(odd));
        }
      }
    }
  });

  it('with a value of another type is refused, whichever field it is in', async () => {
    const values = {
      string: 'text',
      number: 12.5,
      boolean: true,
      object: { a: 1 },
      array: ['text', { a: 1 }, [[]]],
      none: null,
    };
    for (const operation of withBody()) {
      for (const { field, path, schema, body } of placesOf(operation)) {
        if (path.length === 0) continue;
        // `content` is a text or a list; each alternative takes what the other refuses.
        const alike = placesOf(operation)
          .filter((place) => place.field === field)
          .flatMap((place) => typesOf(place.schema));
        const types = alike.map((type) => (type === 'integer' ? 'number' : type));
        for (const [type, value] of Object.entries(values)) {
          if (types.includes(type)) continue;
          if (value !== null) await refused(422, field, operation, ownPath(operation, ours), body(value));
          // Null is what was not given, where that is no fault.
          else expect((await send(operation, ownPath(operation, ours), body(value))).status).toBeLessThan(500);
        }
        if (types.includes('array') && schema.items) {
          for (const value of [[null], [[]]])
            await refused(422, field, operation, ownPath(operation, ours), body(value));
        }
      }
    }
  });

  it('with a text that is empty, too long or holds what is no text is refused', async () => {
    for (const operation of withBody()) {
      for (const { field, path, schema, body } of placesOf(operation)) {
        if (path.length === 0 || !typesOf(schema).includes('string')) continue;
        const bad = ['a\0b', '\ud800', '\udc00x', ...(schema.maxLength ? ['x'.repeat(schema.maxLength + 1)] : [])];
        for (const text of bad) await refused(422, field, operation, ownPath(operation, ours), body(text));
      }
    }
  });

  it('with a number that is out of bounds is refused', async () => {
    let tried = 0;
    for (const operation of withBody()) {
      for (const { field, schema, body } of placesOf(operation).filter((place) =>
        typesOf(place.schema).includes('number'),
      )) {
        for (const number of [
          -1,
          1e308,
          -1e308,
          2 ** 53,
          1e21,
          (schema.minimum ?? 0) - 1,
          (schema as { maximum?: number }).maximum! + 1,
        ]) {
          await refused(422, field, operation, ownPath(operation, ours), body(number));
          tried++;
        }
        const beyond = JSON.stringify(body('BEYOND')).replace('"BEYOND"', '1e999');
        await refused(422, field, operation, ownPath(operation, ours), beyond);
      }
    }
    expect(tried).toBeGreaterThan(0);
  });
});

/** Where a body takes JSON of any form. */
function freePlaces(operation: Operation): Place[] {
  return placesOf(operation).filter(
    ({ schema: { additionalProperties, properties } }) => additionalProperties === true && !properties,
  );
}

/** Of operations whose answer shows what was sent. */
function showing(): [Operation, Place][] {
  const operations = ['agents_create', 'agents_update', 'sessions_create', 'sessions_update', 'tenant_update'].map(
    (id) => api.operation(id),
  );
  return operations.flatMap((operation) =>
    freePlaces(operation).map((place): [Operation, Place] => [operation, place]),
  );
}

function nested(levels: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { in: value } : [value];
  return { in: value };
}

describe('JSON of any form', () => {
  it('comes back as it was', async () => {
    const values = {
      ...{
        '': 0,
        ' ': null,
        constructor: { prototype: 1 },
        toString: 'x',
        length: -1,
        $ref: '#',
        'a.b[0]': [[], {}, [null]],
      },
      ...{ tiny: 5e-324, large: 1.7976931348623157e308, exact: 2 ** 53, fraction: 0.1, whole: 1.5e300 },
      ...{ text: '\u2028\u{1F468}\u200D\u{1F469}', long: 'ä'.repeat(10_000), deep: nested(50) },
    };
    for (const [operation, { field, path, body }] of showing()) {
      const answer = await send(operation, ownPath(operation, ours), body(values));
      const seen = path.reduce((inside: unknown, step) => (inside as Record<string, unknown>)[step], answer.json());
      expect([operation.id, field, answer.status < 300, seen]).toEqual([operation.id, field, true, values]);
    }
    expect(showing().length).toBeGreaterThan(6);
  });

  it('is refused when it is nested too deep or holds a name or number that would be lost', async () => {
    for (const [operation, { field, body }] of showing()) {
      const path = ownPath(operation, ours);
      await refused(422, 'body', operation, path, body(nested(100)));
      const text = (json: string) => JSON.stringify(body('HERE')).replace('"HERE"', json);
      await refused(422, field, operation, path, text('{"a":{"__proto__":{"polluted":1}}}'));
      await refused(422, field, operation, path, text('{"a":[1e999]}'));
      await refused(422, field, operation, path, text('{"a\\u0000":1}'));
      await refused(422, 'body', operation, path, text(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`));
    }
  });
});

describe('A query', () => {
  it('with a parameter that is not known, or known once too often, is refused', async () => {
    for (const operation of ofApi()) {
      const path = ownPath(operation, ours);
      const body = operation.body ? api.sample(operation.body) : undefined;
      for (const name of ['nosuch', 'constructor', '__proto__', 'limit[]', 'limit[a]']) {
        await refused(422, name, operation, `${path}?${encodeURIComponent(name)}=1`, body);
      }
      for (const { name, schema } of operation.query) {
        const value = encodeURIComponent(String(api.sample(schema, name)));
        await refused(422, name, operation, `${path}?${name}=${value}&${name}=${value}`);
      }
    }
  });

  it('with a value of another kind is refused', async () => {
    const values: Record<string, string[]> = {
      limit: ['0', '101', '-1', '1.5', 'abc', '', '1e3', '99999999999999999999', 'NaN', 'Infinity', '0x1F4', 'null'],
      uuid: ['x', '1', '', 'null', '{}'],
      enum: ['nosuch', '', 'ACTIVE', '1'],
      boolean: ['yes', '1', '', 'TRUE'],
      time: [
        'x',
        '',
        '0',
        '2024',
        '2024-13-01',
        '2024-02-30',
        '2024-W05',
        '2024-W05-3',
        '2024-060',
        '20240101',
        '2024-01-01T25:00:00Z',
      ],
    };
    const TIMES = ['createdAfter', 'createdBefore', 'from', 'to'];
    for (const operation of ofApi()) {
      for (const { name, schema } of operation.query) {
        const kind = TIMES.includes(name) ? 'time' : schema.enum ? 'enum' : schema.format === 'uuid' ? 'uuid' : name;
        for (const value of values[kind] ?? values[String(schema.type)] ?? []) {
          await refused(422, name, operation, `${ownPath(operation, ours)}?${name}=${encodeURIComponent(value)}`);
        }
        if (schema.maxLength) {
          await refused(
            422,
            name,
            operation,
            `${ownPath(operation, ours)}?${name}=${'x'.repeat(schema.maxLength + 1)}`,
          );
        }
        for (const value of ['%00', 'a%00b', '%ED%A0%80']) {
          const answer = await send(operation, `${ownPath(operation, ours)}?${name}=${value}`);
          expect([operation.id, name, value, answer.status]).toEqual([
            operation.id,
            name,
            value,
            value.includes('%00') ? 422 : answer.status,
          ]);
        }
      }
    }
  });

  it('with a time is taken at its word', async () => {
    const { createdAt } = (await ours.as.get(`/sessions/${ours.ids.session}`).expect(200)).json<{
      createdAt: string;
    }>();
    const at = new Date(createdAt).getTime();
    const day = createdAt.slice(0, 10);
    const found = async (query: string) => {
      const { data } = (await ours.as.get(`/sessions?limit=100&${query}`).expect(200)).json<Ids>();
      return data.some(({ id }) => id === ours.ids.session);
    };
    const later = encodeURIComponent(new Date(at + 1).toISOString());
    expect(await found(`createdAfter=${encodeURIComponent(createdAt)}`)).toBe(true);
    expect(await found(`createdAfter=${later}`)).toBe(false);
    expect(await found(`createdBefore=${later}`)).toBe(true);
    expect(await found(`createdBefore=${encodeURIComponent(createdAt)}`)).toBe(false);
    // A day begins at midnight UTC.
    expect(await found(`createdAfter=${day}`)).toBe(true);
    expect(await found(`createdBefore=${day}`)).toBe(false);
    const zoned = new Date(at + 3_600_000).toISOString().replace('Z', '+01:00');
    expect(await found(`createdAfter=${encodeURIComponent(zoned)}`)).toBe(true);
    for (const extreme of ['0000-01-01', '0001-01-01', '9999-12-31', '1969-12-31T23:59:59.999999999-23:59']) {
      expect([200, 422]).toContain((await ours.as.get(`/sessions?createdAfter=${encodeURIComponent(extreme)}`)).status);
      expect([200, 422]).toContain((await ours.as.get(`/audit-logs?from=${encodeURIComponent(extreme)}`)).status);
    }
  });
});

describe('A cursor', () => {
  /** One of each list that has several pages. */
  async function cursors(tenant: Furnished): Promise<[Operation, string, string][]> {
    await tenant.as.post('/sessions', {}).expect(201);
    await tenant.as.post('/agents', { name: 'Another' }).expect(201);
    await tenant.as.post('/api-keys', { name: 'Another' }).expect(201);
    const found: [Operation, string, string][] = [];
    for (const operation of ofApi().filter(({ query }) => query.some(({ name }) => name === 'cursor'))) {
      for (const sort of operation.query.find(({ name }) => name === 'sort')?.schema.enum ?? [null]) {
        const path = `${ownPath(operation, tenant)}?${sort ? `sort=${String(sort)}&` : ''}`;
        const as = isForSuperadmins(operation) ? superadmin : tenant.as;
        const { nextCursor } = (await as.get(`${path}limit=1`).expect(200)).json<{ nextCursor: string | null }>();
        if (nextCursor !== null) found.push([operation, path, nextCursor]);
      }
    }
    return found;
  }

  it('that was changed is refused', async () => {
    const found = await cursors(ours);
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
        ours.ids.session,
      ];
      const unsigned = Buffer.from(JSON.stringify([ours.ids.session])).toString('base64url');
      for (const other of [...flipped, ...others, unsigned, 'x'.repeat(1999)]) {
        await refused(400, '', operation, `${path}cursor=${encodeURIComponent(other)}`);
      }
      await refused(422, 'cursor', operation, `${path}cursor=${'x'.repeat(2001)}`);
    }
  });

  it('of another list or tenant shows what is our own at most, or is refused', async () => {
    const found = [...(await cursors(ours)), ...(await cursors(theirs))];
    for (const [operation, path] of await cursors(ours)) {
      const own = (await send(operation, `${path}limit=100`))
        .json<{ data: unknown[] }>()
        .data.map((item) => JSON.stringify(item));
      for (const [, , cursor] of found) {
        const answer = await send(operation, `${path}limit=100&cursor=${encodeURIComponent(cursor)}`);
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
    const [nobody, viewer] = [new Client(server.url), (await given.member(ours, 'viewer')).as];
    for (const operation of withBody().filter(({ isOpen }) => !isOpen)) {
      const path = withId(operation, 'x');
      for (const [text, type] of [
        ['{', 'application/json'],
        ['x', 'text/plain'],
      ] as const) {
        const answers = await Promise.all(
          [nobody, viewer].map((as) => as.send(operation.method, `${path}?nosuch=1`, text, { 'content-type': type })),
        );
        const mayNot = operation.permission !== null || isForSuperadmins(operation);
        const expected = [401, mayNot ? 403 : type === 'text/plain' ? 415 : 400];
        expect([operation.id, ...answers.map(({ status }) => status)]).toEqual([operation.id, ...expected]);
      }
    }
  });

  it('what is not there comes before what is wrong with a field, a parameter or a key', async () => {
    for (const operation of ofApi().filter(({ pathParameters }) => pathParameters.length > 0)) {
      for (const id of [v7(), theirs.ids.run, 'x']) {
        await refused(404, '', operation, `${withId(operation, id)}?nosuch=1`);
        if (operation.method === 'GET' || operation.method === 'DELETE') continue;
        await refused(404, '', operation, withId(operation, id), { nosuch: 1 });
        await refused(404, '', operation, withId(operation, id), { nosuch: 1 }, { 'idempotency-key': 'ä b' });
      }
    }
  });

  it('what is wrong with a field comes before a conflict', async () => {
    const { session } = ours.ids;
    await refused(422, 'nosuch', api.operation('members_add'), '/members', {
      email: ours.owner.email,
      role: 'viewer',
      nosuch: 1,
    });
    await refused(409, '', api.operation('members_add'), '/members', { email: ours.owner.email, role: 'viewer' });
    await refused(422, 'nosuch', api.operation('runs_cancel'), `/runs/${ours.ids.run}/cancel`, { nosuch: 1 });
    await refused(409, '', api.operation('runs_cancel'), `/runs/${ours.ids.run}/cancel`);
    await refused(422, 'model', api.operation('messages_send'), `/sessions/${session}/messages`, {
      content: 'x',
      model: 'nosuch',
    });
  });
});

describe('A token', () => {
  const now = () => Math.floor(Date.now() / 1000);

  it('that is not ours, not for this, or not good any more is none', async () => {
    const { accessToken, refreshToken } = ours.owner;
    const claims = claimsOf(accessToken);
    expect((await new Client(server.url, signed({ alg: 'HS256' }, claims)).get('/auth/me')).status).toBe(200);
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
      'of another user': signed({ alg: 'HS256' }, { ...claims, sub: theirs.owner.userId }),
      'of another tenant': signed({ alg: 'HS256' }, { ...claims, tid: theirs.tenantId }),
      'with alg none': `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.`,
      'with alg none, signed': `${encoded({ alg: 'none', typ: 'JWT' })}.${payload}.${signature}`,
      'with alg NONE': `${encoded({ alg: 'NONE' })}.${payload}.`,
      'with alg HS512': signed({ alg: 'HS512' }, claims, SECRET, 'sha512'),
      'with alg RS256': signed({ alg: 'RS256' }, claims),
      'with a key of its own': signed({ alg: 'HS256', jwk: { kty: 'oct', k: 'eA' } }, claims, 'x'),
      'with an empty key': signed({ alg: 'HS256' }, claims, ''),
      'not signed': `${header}.${payload}.`,
      'cut off': accessToken.slice(0, -3),
      'with another payload': `${header}.${encoded({ ...claims, tid: theirs.tenantId })}.${signature}`,
      'for refreshing': refreshToken,
      'no token at all': 'null',
      'far too long': 'x'.repeat(10_000),
    };
    for (const [what, token] of Object.entries(forged)) {
      const answer = await new Client(server.url, token).get('/auth/me');
      expect([what, answer.status, answer.headers.get('www-authenticate')]).toEqual([what, 401, 'Bearer']);
      expect(schemas.faults(api.operation('auth_me'), answer)).toEqual([]);
      const refreshing =
        what === 'for refreshing' ? null : await new Client(server.url).post('/auth/refresh', { refreshToken: token });
      if (refreshing) expect([what, [401, 422].includes(refreshing.status)]).toEqual([what, true]);
    }
  });

  it('is none in another scheme, twice, or in the URL', async () => {
    const { accessToken } = ours.owner;
    const nobody = new Client(server.url);
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
    const tenant = await given.tenant();
    const person = await given.member(tenant, 'member');
    const { key } = (await person.as.post('/api-keys', { name: 'k' }).expect(201)).json<{ key: string }>();
    await tenant.as.delete(`/members/${person.userId}`).expect(204);
    for (const credential of [person.accessToken, key]) {
      await new Client(server.url, credential).get('/auth/me').expect(401);
    }
    await superadmin.delete(`/admin/tenants/${tenant.tenantId}`).expect(204);
    await tenant.as.get('/auth/me').expect(401);
    await new Client(server.url).post('/auth/refresh', { refreshToken: tenant.owner.refreshToken }).expect(401);
  });
});

describe('Every answer', () => {
  it('carries the headers that protect and inform', async () => {
    for (const operation of api.operations) {
      const answer = await caller(operation).send(operation.method, path(operation), undefined, {
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
