import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErrorBody } from '../src/platform/http/error-body.js';
import { HealthChecks } from '../src/platform/http/health-checks.js';
import { Readiness } from '../src/platform/http/readiness.js';
import { Client } from './client.js';
import { startHttp, type HttpApp } from './http-app.js';
import { OddController, OUTSIDE, PLENTY, THING_ID, ThingsController } from './http-things.js';

const UNKNOWN_ID = '01900000-0000-7000-8000-00000000000f';

let app: HttpApp;
let owner: Client;
let nobody: Client;

beforeAll(async () => {
  app = await startHttp([ThingsController, OddController], OUTSIDE, PLENTY);
  [owner, nobody] = [new Client(app.url, 'owner'), new Client(app.url)];
});

afterAll(() => app.close());

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
