import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ErrorBody } from '../src/platform/http/error-body.js';
import { Client } from './client.js';
import { startHttp, type HttpApp } from './http-app.js';
import { OddController, OUTSIDE, PLENTY, THING_ID, ThingsController } from './http-things.js';
import { publicStrings } from './public-data.js';

const UNKNOWN_ID = '01900000-0000-7000-8000-00000000000f';

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

  it('of 10 MB is refused in words also on a connection that ends with it', async () => {
    const body = Buffer.from(JSON.stringify({ name: 'x'.repeat(10_000_000) }));
    const socket = connect(Number(new URL(app.url).port), '127.0.0.1');
    const told = text(socket);
    socket.write(
      'POST /api/v1/things HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer owner\r\nConnection: close\r\n' +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    for (let at = 0; at < body.length; at += 100_000) {
      if (!socket.write(body.subarray(at, at + 100_000))) await once(socket, 'drain');
    }
    expect(await told).toMatch(/^HTTP\/1\.1 413 [^]*"payload_too_large"/);
  });

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

const strings = publicStrings('vectors/naughty-strings.json');

(strings.length > 0 ? describe : describe.skip)('Naughty strings', () => {
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
