import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { Authenticator } from '../src/platform/access/authenticator.js';
import { Db } from '../src/platform/database/db.js';
import type { ErrorBody } from '../src/platform/http/error-body.js';
import { HealthChecks } from '../src/platform/http/health-checks.js';
import { Readiness } from '../src/platform/http/readiness.js';
import { RedisConnections } from '../src/platform/redis/redis-connections.js';
import { Client } from './client.js';
import { startHttp, type HttpApp } from './http-app.js';
import { FakeAuthenticator, OddController, THING_ID, Things, ThingsController } from './http-things.js';

const UNKNOWN_ID = '01900000-0000-7000-8000-00000000000f';
const OUTSIDE = {
  providers: [
    { provide: Authenticator, useClass: FakeAuthenticator },
    { provide: RedisConnections, useValue: null },
    // No request of these tests has an Idempotency-Key, which is all that the platform would need it for.
    { provide: Db, useValue: {} },
    { provide: DataSource, useValue: { query: () => Promise.resolve([]) } },
    Things,
  ],
};
const PLENTY = { RATE_LIMIT_ANONYMOUS: '100000', RATE_LIMIT_AUTHENTICATED: '100000' };

let app: HttpApp;
let owner: Client;
let viewer: Client;
let nobody: Client;

beforeAll(async () => {
  app = await startHttp([ThingsController, OddController], OUTSIDE, PLENTY);
  [owner, viewer, nobody] = [new Client(app.url, 'owner'), new Client(app.url, 'viewer'), new Client(app.url)];
});

afterAll(() => app.close());

const json = (text: string) => ({ 'content-type': text });

describe('A body', () => {
  it.each([
    ['that is cut off', '{"name": "a"'],
    ['with a trailing comma', '{"name": "a",}'],
    ['of plain text', 'name=a'],
    ['with NaN', '{"name": NaN}'],
  ])('%s is refused as malformed', async (_what, text) => {
    const answer = await owner.post('/things', text).expect(400);
    expect(answer.json()).toMatchObject({ code: 'bad_request', path: '/api/v1/things' });
  });

  it('in bytes that are no UTF-8 is refused as malformed', async () => {
    const answer = await send('POST', '/things', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]));
    expect(answer).toMatchObject({ status: 400, body: { code: 'bad_request' } });
  });

  it.each([
    ['text/plain', {}],
    ['application/x-www-form-urlencoded', {}],
    ['application/json; charset=iso-8859-1', {}],
    ['application/json', { 'content-encoding': 'gzip' }],
  ])('sent as %s %j is refused as unsupported', async (type, headers) => {
    const answer = await owner.post('/things', '{"name":"a"}', { ...json(type), ...headers }).expect(415);
    expect(answer.json()).toMatchObject({ code: 'unsupported_media_type' });
  });

  it('without a content type is refused as unsupported', async () => {
    const answer = await send('POST', '/things', Buffer.from('{"name":"a"}'), { 'content-type': undefined });
    expect(answer.status).toBe(415);
  });

  it.each(['application/json', 'application/json; charset=UTF-8', 'application/merge-patch+json'])(
    'sent as %s is taken',
    async (type) => {
      await owner.post('/things', '{"name":"a"}', json(type)).expect(201);
    },
  );

  it('of 10 MB is refused, and the answer arrives while it is being sent', async () => {
    const answer = await send('POST', '/things', Buffer.from(JSON.stringify({ name: 'x'.repeat(10_000_000) })));
    expect(answer).toMatchObject({
      status: 413,
      body: { code: 'payload_too_large', details: { limitBytes: 1_048_576 } },
    });
  });

  it('of 10 MB that does not say its length is refused when it passes the limit', async () => {
    const answer = await send('POST', '/things', Buffer.alloc(10_000_000, 0x20), { 'transfer-encoding': 'chunked' });
    expect(answer).toMatchObject({ status: 413 });
  });

  it('may be as large as the route says', async () => {
    await nobody.post('/odd/small', { name: 'a'.repeat(40) }).expect(201);
    const answer = await nobody.post('/odd/small', { name: 'a'.repeat(80) }).expect(413);
    expect(answer.json()).toMatchObject({ details: { limitBytes: 64 } });
  });

  it('of a GET is ignored', async () => {
    const answer = await send('GET', `/things/${THING_ID}`, Buffer.from('{not json'));
    expect(answer).toMatchObject({ status: 200, body: { id: THING_ID } });
  });

  it.each([['[]'], ['"text"'], ['null'], ['1']])('of %s is no object', async (text) => {
    const { validationErrors } = (await owner.post('/things', text).expect(422)).json<ErrorBody>();
    expect(validationErrors?.map(({ field }) => field)).toEqual(['body']);
  });

  it('of 100,000 nested lists is refused at once', async () => {
    const answer = await owner.post(
      '/things',
      `{"name":"a","metadata":{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}}`,
    );
    expect(answer.json()).toMatchObject({ code: 'validation_error', validationErrors: [{ field: 'body' }] });
  });

  it('may hold free-form JSON of any names, which comes back as it was', async () => {
    const metadata = { constructor: 'Acme', toString: 1, valueOf: [{ then: true }], a: { hasOwnProperty: null } };
    const answer = await owner.post('/things', { name: 'a', metadata }).expect(201);
    expect(answer.json()).toEqual({ id: THING_ID, name: 'a', metadata });
  });

  it.each(['{"name":"a","__proto__":{"size":1}}', '{"name":"a","metadata":{"x":{"__proto__":{"polluted":1}}}}'])(
    'that reaches for a prototype is refused: %s',
    async (text) => {
      const answer = await owner.post('/things', text).expect(422);
      expect(answer.json<ErrorBody>().validationErrors?.[0]?.field).toMatch(/__proto__$/);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    },
  );
});

describe('Validation', () => {
  const faults = async (body: unknown) => {
    const answer = await owner.post('/things', body).expect(422);
    const { validationErrors } = answer.json<ErrorBody>();
    return validationErrors ?? [];
  };

  it('names every field at fault by its path, with what was sent', async () => {
    const found = await faults({
      name: 7,
      size: '3',
      resourceLimits: { maxTurns: 500 },
      parts: [{ name: 'ok' }, { name: 'x'.repeat(60) }, { name: false, other: 1 }],
      unknown: true,
    });
    expect(found).toEqual(
      expect.arrayContaining([
        { field: 'name', message: 'name must be a string', value: 7 },
        { field: 'size', message: 'size must be an integer number', value: '3' },
        {
          field: 'resourceLimits.maxTurns',
          message: 'resourceLimits.maxTurns must not be greater than 100',
          value: 500,
        },
        {
          field: 'parts[1].name',
          message: expect.stringContaining('parts[1].name must be shorter'),
          value: expect.any(String),
        },
        { field: 'parts[2].name', message: 'parts[2].name must be a string', value: false },
        { field: 'parts[2].other', message: 'property parts[2].other should not exist', value: 1 },
        { field: 'unknown', message: 'property unknown should not exist', value: true },
      ]),
    );
    expect(found).toHaveLength(7);
  });

  it.each(['constructor', 'toString', 'hasOwnProperty', 'valueOf'])('knows no field named %s', async (name) => {
    expect(await faults(`{"name":"a","${name}":1}`)).toEqual([
      { field: name, message: `property ${name} should not exist`, value: 1 },
    ]);
    expect(await faults(`{"name":"a","resourceLimits":{"${name}":1}}`)).toMatchObject([
      { field: `resourceLimits.${name}` },
    ]);
  });

  it('never repeats a secret', async () => {
    const found = await faults({
      name: { apiKey: 'sk-very-secret-one' },
      password: 'hunter22hunter22',
      parts: [{ name: 1, apiKey: 9 }],
    });
    const text = JSON.stringify(found);
    expect(found.map(({ field }) => field).sort()).toEqual(['name', 'parts[0].apiKey', 'parts[0].name', 'password']);
    expect(text).not.toMatch(/very-secret|hunter22|9/);
  });

  it('cuts long values', async () => {
    const [fault] = await faults({ name: 'x'.repeat(6000) });
    expect(String(fault?.value).length).toBeLessThanOrEqual(200);
  });

  it('takes no list for an object and no object for a list', async () => {
    expect(await faults({ name: 'a', resourceLimits: [] })).toMatchObject([{ field: 'resourceLimits' }]);
    expect(await faults({ name: 'a', parts: {} })).toMatchObject([{ field: 'parts' }]);
  });

  it.each([
    ['"a\\u0000b"', 'name'],
    ['"a\\ud800"', 'name'],
  ])('refuses %s as a text', async (text, field) => {
    expect(await faults(`{"name":${text}}`)).toMatchObject([{ field }]);
    expect(await faults(`{"name":"a","metadata":{"deep":[{"x":${text}}]}}`)).toMatchObject([
      { field: 'metadata.deep[0].x' },
    ]);
    expect(await faults(`{"name":"a","metadata":{${text}:1}}`)).toHaveLength(1);
  });

  it('refuses fields where none are taken', async () => {
    await owner.post(`/things/${THING_ID}/press`).expect(200);
    await owner.post(`/things/${THING_ID}/press`, {}).expect(200);
    const answer = await owner.post(`/things/${THING_ID}/press`, { tenantId: 'x' }).expect(422);
    expect(answer.json()).toMatchObject({ validationErrors: [{ field: 'tenantId' }] });
    await owner.post(`/things/${THING_ID}/press`, '[]').expect(422);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=abc',
    'limit=',
    'limit=1&limit=2',
    'unknown=1',
    'cursor=%00',
    '__proto__=1',
    'toString=1',
  ])('refuses the query %s', async (query) => {
    const answer = await owner.get(`/things?${query}`).expect(422);
    expect(answer.json<ErrorBody>().validationErrors).toHaveLength(1);
  });

  it('refuses a query where none is taken', async () => {
    const answer = await owner.get(`/things/${THING_ID}?verbose=1`).expect(422);
    expect(answer.json()).toMatchObject({
      validationErrors: [{ field: 'verbose' }],
      path: `/api/v1/things/${THING_ID}`,
    });
  });

  it('does not hold up the process with a body of 70,000 unknown fields', async () => {
    const many = Object.fromEntries(Array.from({ length: 70_000 }, (_value, index) => [`k${index}`, index]));
    expect(await faults({ name: 'a', ...many })).toHaveLength(20);
  });

  it('refuses a body of more objects than any request needs', async () => {
    await owner.post('/things', `{"name":"a","parts":[${Array(200_000).fill('{}').join(',')}]}`).expect(422);
  });
});

describe('Refusals are decided in order:', () => {
  const bad = { unknown: 1 };

  it('who is not known learns nothing of the rest', async () => {
    await nobody.patch('/things/not-an-id', '{malformed').expect(401);
    await nobody.post('/things', '{malformed', json('text/plain')).expect(401);
  });

  it('the permission comes before the body', async () => {
    const answer = await viewer.post('/things', '{malformed').expect(403);
    expect(answer.json()).toMatchObject({ code: 'authorization_error', details: { permission: 'agents:create' } });
  });

  it('the body comes before the path', async () => {
    await owner.patch(`/things/${UNKNOWN_ID}`, '{malformed').expect(400);
    await owner.patch('/things/not-an-id', '{malformed').expect(400);
  });

  it('the path comes before the fields', async () => {
    await owner.patch(`/things/${UNKNOWN_ID}`, bad).expect(404);
    await owner.patch('/things/not-an-id', bad).expect(404);
    await owner.patch('/things/%00', bad).expect(404);
    await owner.patch('/things/%FF', bad).expect(404);
    await owner.get(`/things/${UNKNOWN_ID}?unknown=1`).expect(404);
    await owner.post(`/things/${UNKNOWN_ID}/press`, '{"a":"\\u0000"}').expect(404);
  });

  it('the fields come before a conflict', async () => {
    await owner.send('DELETE', `/things/${THING_ID}?force=1`).expect(422);
    await owner.delete(`/things/${THING_ID}`).expect(409);
  });
});

describe('Lists', () => {
  it('hand out cursors that lead on', async () => {
    const first = (await owner.get('/things?limit=3').expect(200)).json<{
      data: { id: string }[];
      nextCursor: string;
    }>();
    expect(first.data).toHaveLength(3);
    const next = await owner.get(`/things?cursor=${first.nextCursor}`).expect(200);
    expect(next.json()).toMatchObject({ after: first.data[2]?.id });
  });

  it('refuse cursors that were not handed out', async () => {
    const { nextCursor } = (await owner.get('/things?limit=1')).json<{ nextCursor: string }>();
    const forged = Buffer.from(nextCursor, 'base64url');
    forged[20] = (forged[20] ?? 0) ^ 1;
    for (const cursor of ['', 'abc', `${nextCursor}=`, nextCursor.slice(0, -4), forged.toString('base64url')]) {
      const answer = await owner.get(`/things?cursor=${encodeURIComponent(cursor)}`).expect(400);
      expect(answer.json()).toMatchObject({ code: 'bad_request' });
    }
  });
});

describe('Errors', () => {
  it('of our own show nothing of the inside', async () => {
    const answer = await nobody.get('/odd/broken').expect(500);
    expect(answer.json()).toMatchObject({ error: true, code: 'internal_error', details: {} });
    expect(answer.text).not.toMatch(/postgres|hunter22|stack|ECONN/);
  });

  it('have all the fields that are promised', async () => {
    const answer = await owner.get(`/things/${UNKNOWN_ID}`, { 'x-correlation-id': 'my-id.1' }).expect(404);
    expect(answer.json()).toEqual({
      error: true,
      code: 'not_found',
      message: 'Thing not found',
      details: {},
      correlationId: 'my-id.1',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      path: `/api/v1/things/${UNKNOWN_ID}`,
    });
  });

  it.each(['/nothing', '/things/a/b/c', '%2e%2e/etc'])('of an unknown route %s have the same shape', async (path) => {
    const answer = await owner.get(path).expect(404);
    expect(answer.json()).toMatchObject({ code: 'not_found' });
  });

  it('outside of the base have the same shape', async () => {
    const answer = await owner.get('nothing?token=secret-value').expect(404);
    expect(answer.json()).toMatchObject({ code: 'not_found', path: '/nothing' });
    expect(answer.text).not.toContain('secret-value');
  });

  it('after an event stream has begun end it', async () => {
    const answer = await nobody.get('/odd/stream').expect(200);
    expect(answer.text).toBe('event: a\n\n');
  });

  it('after any other answer has begun cut it off', async () => {
    await expect(nobody.get('/odd/cut').expect(200)).rejects.toThrow();
  });
});

describe('The correlation id', () => {
  it('of the request is echoed and stands in its scope, also behind a body', async () => {
    const given = { 'x-correlation-id': 'A.b-1_2' };
    const answer = await nobody.post('/odd/scope', { name: 'a' }, given).expect(201);
    expect(answer.headers.get('x-correlation-id')).toBe('A.b-1_2');
    expect(answer.json()).toEqual({ correlationId: 'A.b-1_2', name: 'a' });
  });

  it.each(['a b', 'a/b', 'x'.repeat(129), 'ü', "' OR 1=1"])('%j is replaced', async (text) => {
    const answer = await owner.get('/odd/scope', { 'x-correlation-id': encodeURI(text) });
    const { correlationId } = answer.json<{ correlationId: string }>();
    expect(correlationId).toMatch(/^[\da-f]{8}-/);
    expect(answer.headers.get('x-correlation-id')).toBe(correlationId);
  });
});

describe('Headers', () => {
  it('close every door that an API needs no opened', async () => {
    const { headers } = await owner.get(`/things/${THING_ID}`);
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'strict-transport-security': expect.stringContaining('max-age=31536000'),
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    });
    for (const name of ['x-powered-by', 'etag', 'access-control-allow-origin']) expect(headers.get(name)).toBeNull();
  });

  it('let the documentation page run its own scripts', async () => {
    const page = await nobody.get('docs').expect(200);
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self'");
    expect(page.text).toContain('swagger-ui-bundle.js');
    await nobody.get('docs/swagger-ui-init.js').expect(200);
    await nobody.get('docs/swagger-ui-bundle.js').expect(200);
  });

  it('name the rate limit on every answer of the API', async () => {
    const answers = [
      await owner.get(`/things/${THING_ID}`),
      await nobody.get(`/things/${THING_ID}`),
      await owner.post('/things', '{'),
      await nobody.get('/nothing'),
      await nobody.get('/openapi.json'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 400, 404, 200]);
    for (const { headers } of answers) {
      expect(headers.get('ratelimit-limit')).toBe('100000');
      expect(Number(headers.get('ratelimit-remaining'))).toBeGreaterThan(0);
      expect(Number(headers.get('ratelimit-reset'))).toBeLessThanOrEqual(60);
    }
  });
});

describe('Rate limits', () => {
  let limited: HttpApp;

  beforeAll(async () => {
    limited = await startHttp([ThingsController, OddController], OUTSIDE, {
      RATE_LIMIT_ANONYMOUS: '2',
      RATE_LIMIT_AUTHENTICATED: '3',
      RATE_LIMIT_PREMIUM: '4',
      TRUST_PROXY: 'true',
    });
  });

  afterAll(() => limited.close());

  const statuses = async (path: string, addresses: string[], token: string | null = null) => {
    const found: number[] = [];
    for (const address of addresses) {
      found.push((await new Client(limited.url, token).get(path, { 'x-forwarded-for': address })).status);
    }
    return found;
  };

  it('count strangers by address', async () => {
    const one = '203.0.113.1';
    expect(await statuses('/things', [one, one, one, '203.0.113.2'])).toEqual([401, 401, 429, 401]);
    expect(await statuses('/nothing', [one])).toEqual([429]);
  });

  it('count a network of IPv6 as one', async () => {
    const network = ['2001:db8:0:1::1', '2001:db8:0:1::2', '2001:db8:0:1:ffff::3', '2001:db8:0:2::1'];
    expect(await statuses('/things', network)).toEqual([401, 401, 429, 401]);
  });

  it('count known callers by user, wherever they are, and by plan', async () => {
    const path = `/things/${THING_ID}`;
    expect(await statuses(path, ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'], 'owner')).toEqual([200, 200, 200, 429]);
    expect(await statuses(path, ['1.1.1.1'], 'other')).toEqual([200]);
    const premium = ['1.1.1.1', '1.1.1.1', '1.1.1.1', '1.1.1.1', '1.1.1.1'];
    expect(await statuses(path, premium, 'other-premium')).toEqual([200, 200, 200, 200, 429]);
  });

  it('say when to come back', async () => {
    await statuses('/things', ['203.0.113.9', '203.0.113.9']);
    const answer = await new Client(limited.url).get('/things', { 'x-forwarded-for': '203.0.113.9' }).expect(429);
    const { retryAfter, code } = answer.json<ErrorBody>();
    expect(code).toBe('rate_limit_error');
    expect(retryAfter).toBeGreaterThan(0);
    expect(answer.headers.get('retry-after')).toBe(String(retryAfter));
    expect(answer.headers.get('ratelimit-remaining')).toBe('0');
  });

  it('do not touch probes', async () => {
    expect(await statuses('health/live', Array<string>(5).fill('203.0.113.7'))).toEqual([200, 200, 200, 200, 200]);
  });
});

describe('Origins that are set', () => {
  it('and no others may read answers', async () => {
    const open = await startHttp([ThingsController], OUTSIDE, { ...PLENTY, CORS_ORIGINS: 'https://app.example.com' });
    const origin = (name: string) => new Client(open.url, 'owner').get(`/things/${THING_ID}`, { origin: name });
    const ours = await origin('https://app.example.com');
    expect(ours.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(ours.headers.get('access-control-expose-headers')).toContain('RateLimit-Remaining');
    expect((await origin('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull();
    await open.close();
  });
});

describe('Operation', () => {
  it('is ready only between its start and its stop, and while what it needs is there', async () => {
    const one = await startHttp([], OUTSIDE, PLENTY);
    const ready = async () => {
      const answer = await new Client(one.url).get('health/ready');
      return [answer.status, answer.json()['status']];
    };
    expect(await ready()).toEqual([503, 'starting']);
    one.nest.get(Readiness).markReady();
    expect(await ready()).toEqual([200, 'ok']);
    await new Client(one.url).get('health/live').expect(200);
    one.nest.get(Readiness).markStopping();
    one.nest.get(Readiness).markReady();
    expect(await ready()).toEqual([503, 'stopping']);
    await one.close();
  });

  it('tells which dependency is down', async () => {
    const one = await startHttp([], OUTSIDE, { ...PLENTY, METRICS_TOKEN: 'metrics-token' });
    const checks = one.nest.get(HealthChecks);
    checks.add('mail', () => Promise.reject(new Error('down')), { isVital: false });
    one.nest.get(Readiness).markReady();
    expect((await new Client(one.url).get('health/ready').expect(200)).json()).toEqual({ status: 'degraded' });
    expect((await new Client(one.url).get('health')).json()).toEqual({ status: 'degraded' });
    expect((await new Client(one.url, 'metrics-token').get('health')).json()).toEqual({
      status: 'degraded',
      checks: {
        database: { status: 'ok', latencyMs: expect.any(Number) },
        mail: { status: 'down', latencyMs: expect.any(Number) },
      },
    });
    await one.close();
  });

  it('shows metrics by route, to who has the token', async () => {
    const one = await startHttp([ThingsController], OUTSIDE, { ...PLENTY, METRICS_TOKEN: 'metrics-token' });
    await new Client(one.url, 'owner').get(`/things/${THING_ID}`).expect(200);
    await new Client(one.url, 'owner').get('/nothing').expect(404);
    await new Client(one.url).get('metrics').expect(401);
    await new Client(one.url, 'metrics-tokem').get('metrics').expect(401);
    const { text, headers } = await new Client(one.url, 'metrics-token').get('metrics').expect(200);
    expect(headers.get('content-type')).toContain('text/plain');
    expect(text).toContain(
      'http_request_duration_seconds_count{method="GET",route="/api/v1/things/:id",status="2xx"} 1',
    );
    expect(text).toContain('route="(unmatched)",status="4xx"');
    expect(text).not.toContain(THING_ID);
    await one.close();
  });
});

describe('The OpenAPI document', () => {
  interface Operation {
    operationId: string;
    security: object[];
    parameters?: { $ref?: string; name?: string; schema?: object }[];
    responses: Record<string, unknown>;
  }
  let paths: Record<string, Record<string, Operation>>;

  beforeAll(async () => {
    const answer = await nobody.get('/openapi.json').expect(200);
    ({ paths } = answer.json<{ paths: typeof paths }>());
  });

  it('has every status that the platform can answer with', () => {
    const statuses = (path: string, method: string) => Object.keys(paths[path]?.[method]?.responses ?? {}).sort();
    const refusals = ['401', '403', '422', '429', '500', '503'];
    expect(statuses('/api/v1/things', 'post')).toEqual([
      '201',
      '400',
      '401',
      '403',
      '413',
      '415',
      '422',
      '429',
      '500',
      '503',
    ]);
    expect(statuses('/api/v1/things', 'get')).toEqual(['200', '400', ...refusals]);
    expect(statuses('/api/v1/things/{id}', 'get')).toEqual(['200', '401', '403', '404', ...refusals.slice(2)]);
    expect(statuses('/health/live', 'get')).toEqual(['200', '422', '500']);
  });

  it('names operations by what they do, and who may call them', () => {
    const operation = paths['/api/v1/things/{id}']?.['get'];
    expect(operation).toMatchObject({ operationId: 'things_get', security: [{ bearer: [] }, { apiKey: [] }] });
    expect(operation?.parameters).toContainEqual(
      expect.objectContaining({ name: 'id', schema: { type: 'string', format: 'uuid' } }),
    );
    expect(paths['/health/live']?.['get']?.security).toEqual([]);
  });
});

const NAUGHTY = new URL('../../shared/data/vectors/naughty-strings.json', import.meta.url);

(existsSync(NAUGHTY) ? describe : describe.skip)('Naughty strings', () => {
  const strings = existsSync(NAUGHTY) ? (JSON.parse(readFileSync(NAUGHTY, 'utf8')) as string[]) : [];

  it('come back from a text field as they were, or are refused as its fault', async () => {
    for (const name of strings) {
      const answer = await owner.post('/things', { name, metadata: { [name]: [name] } });
      if (answer.status === 201) expect(answer.json()).toMatchObject({ name });
      else expect([answer.status, answer.json()]).toMatchObject([422, { code: 'validation_error' }]);
    }
  });

  it('name nothing in a path, and are no parameter', async () => {
    for (const text of strings.filter((text) => text.isWellFormed() && !/^\.{0,2}$/.test(text))) {
      const encoded = encodeURIComponent(text);
      const queries = [`cursor=${encoded}`, `limit=${encoded}`, `${encoded}=1`];
      const [path, ...lists] = await Promise.all([
        owner.get(`/things/${encoded}`),
        ...queries.map((query) => owner.get(`/things?${query}`)),
      ]);
      expect([text, path.status]).toEqual([text, 404]);
      for (const { status } of lists) expect([200, 400, 422]).toContain(status);
    }
  }, 60_000);
});

/** For what `fetch` will not send. */
function send(method: string, path: string, body: Buffer, headers: Record<string, string | undefined> = {}) {
  const given = { authorization: 'Bearer owner', 'content-type': 'application/json', ...headers };
  const known = Object.fromEntries(
    Object.entries<string | undefined>(given).filter(([, value]) => value !== undefined),
  );
  return new Promise<{ status: number | undefined; body: unknown }>((resolve, reject) => {
    const request = httpRequest(`${app.url}/api/v1${path}`, { method, headers: known }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    if (!('transfer-encoding' in known)) request.setHeader('content-length', body.length);
    request.end(body);
  });
}
