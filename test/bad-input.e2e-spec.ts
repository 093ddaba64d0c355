import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { Ids } from './answers.js';
import { typesOf, type Operation, type Place } from './api-document.js';
import { DocumentedApi } from './documented-api.js';
import { ownPath, TAKE_ANY_QUERY, withId } from './one-of-everything.js';

let api: DocumentedApi;

beforeAll(async () => {
  api = await DocumentedApi.start();
}, 120_000);

afterAll(() => api.stop());

describe('A body', () => {
  it.each([...['{', "{'name':1}", '{"a":1,}', 'undefined', '{}{}', '{"a":"\n"}', 'name=1']])(
    'of %j is malformed, whatever the path names',
    async (text) => {
      for (const operation of api.withBody) {
        await api.refused(400, '', operation, ownPath(operation, api.ours), text);
        if (operation.pathParameters.length > 0) await api.refused(400, '', operation, withId(operation, v7()), text);
      }
    },
  );

  it.each([
    ['text/plain', '{}'],
    ['application/x-www-form-urlencoded', 'name=x'],
    ['multipart/form-data; boundary=x', '--x--'],
    ['application/jsonx', '{}'],
    ['', '{}'],
  ])('of type %j is of no kind that is taken', async (type, text) => {
    for (const operation of api.withBody) {
      if (operation.takesUpload && type.startsWith('multipart')) continue;
      await api.refused(415, '', operation, ownPath(operation, api.ours), text, { 'content-type': type });
    }
  });

  it('of 10 MB is too large, of 20 MB where texts of documents are taken', async () => {
    const [text, longer] = [10_000_000, 20_000_000].map((length) => JSON.stringify({ name: 'x'.repeat(length) }));
    for (const operation of api.withBody) {
      const sent = operation.id.startsWith('documents_create') ? longer : text;
      await api.refused(413, '', operation, ownPath(operation, api.ours), sent);
    }
  });

  it.each(['[]', '"text"', '1', 'true', 'null', '[{}]'])('of %s is no object', async (text) => {
    for (const operation of api.withBody) {
      // What takes a list takes this one.
      if (text === '[{}]' && operation.body?.type === 'array') continue;
      await api.refused(422, 'body', operation, ownPath(operation, api.ours), text);
    }
  });

  it('with a field that is not known is refused, however deep the field is', async () => {
    for (const operation of api.withBody) {
      if (!operation.body) await api.refused(422, 'nosuch', operation, ownPath(operation, api.ours), { nosuch: 1 });
      for (const { field, schema, body } of api
        .placesOf(operation)
        .filter(({ schema: { properties } }) => properties)) {
        for (const name of ['nosuch', 'constructor', 'toString', '__proto__', '']) {
          // Not by assignment, which would set the prototype.
          const sample = { ...(api.document.sample(schema) as object), ...(JSON.parse(`{"${name}":1}`) as object) };
          const odd = Object.defineProperty(sample, name, { value: 1, enumerable: true });
          await api.refused(
            422,
            field === '' ? name : `${field}.${name}`,
            operation,
            ownPath(operation, api.ours),
            body(odd),
          );
        }
      }
    }
  });

  it('with a value of another type is refused, whichever field it is in', async () => {
    const values = {
      ...{ string: 'text', number: 12.5, boolean: true, object: { a: 1 } },
      ...{ array: ['text', { a: 1 }, [[]]], none: null },
    };
    for (const operation of api.withBody) {
      for (const { field, path, schema, body } of api.placesOf(operation)) {
        if (path.length === 0) continue;
        // `content` is a text or a list; each alternative takes what the other refuses.
        const alike = api
          .placesOf(operation)
          .filter((place) => place.field === field)
          .flatMap((place) => typesOf(place.schema));
        const types = alike.map((type) => (type === 'integer' ? 'number' : type));
        for (const [type, value] of Object.entries(values)) {
          if (types.includes(type)) continue;
          if (value !== null) await api.refused(422, field, operation, ownPath(operation, api.ours), body(value));
          // Null is what was not given, where that is no fault.
          else expect((await api.send(operation, ownPath(operation, api.ours), body(value))).status).toBeLessThan(500);
        }
        if (types.includes('array') && schema.items) {
          for (const value of [[null], [[]]])
            await api.refused(422, field, operation, ownPath(operation, api.ours), body(value));
        }
      }
    }
  });

  it('with a text that is empty, too long or holds what is no text is refused', async () => {
    for (const operation of api.withBody) {
      for (const { field, path, schema, body } of api.placesOf(operation)) {
        if (path.length === 0 || !typesOf(schema).includes('string')) continue;
        const bad = ['a\0b', '\ud800', '\udc00x', ...(schema.maxLength ? ['x'.repeat(schema.maxLength + 1)] : [])];
        for (const text of bad) await api.refused(422, field, operation, ownPath(operation, api.ours), body(text));
      }
    }
  });

  it('with a number that is out of bounds is refused', async () => {
    let tried = 0;
    for (const operation of api.withBody) {
      for (const { field, schema, body } of api
        .placesOf(operation)
        .filter((place) => typesOf(place.schema).includes('number'))) {
        for (const number of [
          -1,
          1e308,
          -1e308,
          2 ** 53,
          1e21,
          (schema.minimum ?? 0) - 1,
          (schema as { maximum?: number }).maximum! + 1,
        ]) {
          await api.refused(422, field, operation, ownPath(operation, api.ours), body(number));
          tried++;
        }
        const beyond = JSON.stringify(body('BEYOND')).replace('"BEYOND"', '1e999');
        await api.refused(422, field, operation, ownPath(operation, api.ours), beyond);
      }
    }
    expect(tried).toBeGreaterThan(0);
  });
});

/** Where a body takes JSON of any form. */
function freePlaces(operation: Operation): Place[] {
  return api
    .placesOf(operation)
    .filter(({ schema: { additionalProperties, properties } }) => additionalProperties === true && !properties);
}

/** Of operations whose answer shows what was sent. */
function showing(): [Operation, Place][] {
  const operations = ['agents_create', 'agents_update', 'sessions_create', 'sessions_update', 'tenant_update'].map(
    (id) => api.document.operation(id),
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
      // These have to be JSON Schemas.
      if (field === 'outputSchema' || field.endsWith('inputSchema')) continue;
      const answer = await api.send(operation, ownPath(operation, api.ours), body(values));
      const seen = path.reduce((inside: unknown, step) => (inside as Record<string, unknown>)[step], answer.json());
      expect([operation.id, field, answer.status < 300, seen]).toEqual([operation.id, field, true, values]);
    }
    expect(showing().length).toBeGreaterThan(6);
  });

  it('is refused when it is nested too deep or holds a name or number that would be lost', async () => {
    for (const [operation, { field, body }] of showing()) {
      const path = ownPath(operation, api.ours);
      await api.refused(422, 'body', operation, path, body(nested(100)));
      const text = (json: string) => JSON.stringify(body('HERE')).replace('"HERE"', json);
      await api.refused(422, field, operation, path, text('{"a":{"__proto__":{"polluted":1}}}'));
      await api.refused(422, field, operation, path, text('{"a":[1e999]}'));
      await api.refused(422, field, operation, path, text('{"a\\u0000":1}'));
      await api.refused(422, 'body', operation, path, text(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`));
    }
  });
});

describe('A query', () => {
  it('with a parameter that is not known, or known once too often, is refused', async () => {
    for (const operation of api.operations) {
      const path = ownPath(operation, api.ours);
      const body = operation.body ? api.document.sample(operation.body) : undefined;
      const unknown = ['nosuch', 'constructor', '__proto__', 'limit[]', 'limit[a]'];
      for (const name of TAKE_ANY_QUERY.includes(operation.id) ? [] : unknown) {
        await api.refused(422, name, operation, `${path}?${encodeURIComponent(name)}=1`, body);
      }
      for (const { name, schema } of operation.query) {
        const value = encodeURIComponent(String(api.document.sample(schema, name)));
        await api.refused(422, name, operation, `${path}?${name}=${value}&${name}=${value}`);
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
    for (const operation of api.operations) {
      for (const { name, schema } of operation.query) {
        const kind = TIMES.includes(name) ? 'time' : schema.enum ? 'enum' : schema.format === 'uuid' ? 'uuid' : name;
        for (const value of values[kind] ?? values[String(schema.type)] ?? []) {
          await api.refused(
            422,
            name,
            operation,
            `${ownPath(operation, api.ours)}?${name}=${encodeURIComponent(value)}`,
          );
        }
        if (schema.maxLength) {
          await api.refused(
            422,
            name,
            operation,
            `${ownPath(operation, api.ours)}?${name}=${'x'.repeat(schema.maxLength + 1)}`,
          );
        }
        for (const value of ['%00', 'a%00b', '%ED%A0%80']) {
          const answer = await api.send(operation, `${ownPath(operation, api.ours)}?${name}=${value}`);
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
    const { createdAt } = (await api.ours.as.get(`/sessions/${api.ours.ids.session}`).expect(200)).json<{
      createdAt: string;
    }>();
    const at = new Date(createdAt).getTime();
    const day = createdAt.slice(0, 10);
    const found = async (query: string) => {
      const { data } = (await api.ours.as.get(`/sessions?limit=100&${query}`).expect(200)).json<Ids>();
      return data.some(({ id }) => id === api.ours.ids.session);
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
      expect([200, 422]).toContain(
        (await api.ours.as.get(`/sessions?createdAfter=${encodeURIComponent(extreme)}`)).status,
      );
      expect([200, 422]).toContain((await api.ours.as.get(`/audit-logs?from=${encodeURIComponent(extreme)}`)).status);
    }
  });
});
