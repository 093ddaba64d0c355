import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import { AnswerSchemas } from './answer-schemas.js';
import { faultyFields } from './answers.js';
import { ApiDocument, typesOf, type Operation, type Place } from './api-document.js';
import { Client, type Answer } from './client.js';
import { Given } from './given.js';
import {
  everythingOf,
  furnish,
  idsIn,
  isForSuperadmins,
  knownTo,
  ownPath,
  SHOW_NOTHING,
  TAKE_ANY_QUERY,
  textsOf,
  withId,
  type Furnished,
} from './one-of-everything.js';
import { formOf } from './sample-files.js';
import { startServer, type Server } from './server.js';

let server: Server;
let api: ApiDocument;
let schemas: AnswerSchemas;
let ours: Furnished;
let theirs: Furnished;
/** Ids that the other tenant knows and ours does not. */
let secrets: Set<string>;
let before: Record<string, string>;

beforeAll(async () => {
  server = await startServer({ EGRESS_ALLOW: '127.0.0.0/8' });
  api = await ApiDocument.of(server.url);
  schemas = new AnswerSchemas(api);
  const given = new Given(server);
  ours = await furnish(given, 'mark-of-ours');
  theirs = await furnish(given, 'mark-of-theirs');
  api.know(knownTo(ours));
  const shown = await everythingOf(api, theirs);
  before = textsOf(shown);
  const known = new Set(idsIn(JSON.stringify(textsOf(await everythingOf(api, ours)))));
  const told = [...idsIn(JSON.stringify(before)), ...Object.values(theirs.ids)];
  secrets = new Set(told.filter((id) => !known.has(id)));
}, 120_000);

afterAll(() => server.stop());

/** Nobody can be named by their requests, for the reason given. What is not here has to be attackable. */
const NAMES_NOTHING: Record<string, string> = {
  ...{ health_live: 'no tenant', health_ready: 'no tenant', health_all: 'no tenant', metrics_read: 'no tenant' },
  ...{
    tenant_get: "the credential's tenant",
    tenant_update: "the credential's tenant",
    auth_me: 'the credential itself',
  },
  ...{ auth_logout: 'the credential itself', auth_logoutAll: "the credential's user" },
  auth_changePassword: "the credential's user",
  auth_refresh: 'the token in the body is the credential',
  members_add: 'addresses are of people, who may be in any tenant',
  members_list: 'only a page',
  invitations_list: "the credential's user",
  apiKeys_create: 'scopes and texts',
  apiKeys_list: 'only a page',
  models_list: 'the same for all',
  sessionTemplates_list: 'only a page',
  hooks_create: 'an address and names of tools',
  hooks_list: 'only a page',
  tools_list: 'only a page',
  databaseConnections_create: 'an address and its name',
  databaseConnections_list: 'only a page',
  mcpServers_create: 'a name, an address and names of tools',
  mcpServers_list: 'only a page',
  mcpOAuth_callback: 'the state is the credential',
  mcpOAuth_clientMetadata: 'the same for all',
  files_create: 'bytes and their name',
  agents_list: 'only texts and a status',
  agentExports_import: 'a definition, which holds no ids',
  collections_list: 'only a page',
  evaluations_list: 'only a page',
  adminTenants_list: 'only a page',
  mcp_answer: 'its messages have tests of their own',
  ...{ protectedResource_read: 'no tenant', protectedResource_readOfMcp: 'no tenant' },
};

/** Fields by which a client could try to say who or what something is. */
const IDENTITY = ['id', 'tenantId', 'role', 'createdAt', 'status', 'userId', 'createdBy', 'version'];
/** Objects that are either as they should be or not. */
const REFUSED_WHOLE = ['access'];
/** Bodies that such a field belongs in. */
const OWN_IDENTITY = [
  'agentVersions_rollback version',
  'members_add role',
  'members_update role',
  'adminTenants_update status',
];

/** Names that others give, and know things by. */
const NO_IDS_OF_OURS = ['mcpOAuth_giveClient clientId'];

function idPlaces(operation: Operation): Place[] {
  const places = operation.body ? [...api.places(operation.body)] : [];
  return places.filter(
    ({ name, schema }) =>
      typesOf(schema).includes('string') &&
      !NO_IDS_OF_OURS.includes(`${operation.id} ${name}`) &&
      (schema.format === 'uuid' || /(Ids?|By)$|^(id|attachments|tenant|slug)$/.test(name)),
  );
}

function idQueries({ query }: Operation): string[] {
  return query
    .filter(({ name, schema }) => schema.format === 'uuid' || /(Ids?|By)$/.test(name))
    .map(({ name }) => name);
}

function objectPlaces(operation: Operation): Place[] {
  const places = operation.body ? [...api.places(operation.body)] : [];
  return places.filter(({ schema }) => schema.properties !== undefined);
}

function ofApi(): Operation[] {
  return api.operations.filter(({ path }) => path.startsWith('/api/'));
}

/** What an attack is answered with; whatever that is, it shows nothing of theirs and is as documented. */
async function attack(operation: Operation, path: string, body: unknown, expected: number): Promise<Answer> {
  const answer = await ours.as.send(operation.method, path, body);
  const what = `${operation.method} ${path} ${body === undefined ? '' : JSON.stringify(body instanceof FormData ? [...body] : body)}`;
  const sent = idsIn(what.toLowerCase());
  const leaked = idsIn(answer.text).filter((id) => secrets.has(id) && (answer.status < 300 || !sent.includes(id)));
  if (answer.text.includes(theirs.mark)) leaked.push(theirs.mark);
  expect([what, answer.status, leaked]).toEqual([what, isForSuperadmins(operation) ? 403 : expected, []]);
  expect([operation.id, answer.status, operation.statuses.has(answer.status)]).toEqual([
    operation.id,
    answer.status,
    true,
  ]);
  return answer;
}

/** A 422 that complains of these fields. */
async function refused(operation: Operation, path: string, body: unknown, fields: string[]): Promise<void> {
  const answer = await attack(operation, path, body, 422);
  if (answer.status === 422)
    expect([operation.id, faultyFields(answer)]).toEqual([operation.id, expect.arrayContaining(fields)]);
}

function formWith(fields: Record<string, string>): FormData {
  const form = formOf('text');
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

function sampleBody({ body }: Operation): unknown {
  return body ? api.sample(body) : undefined;
}

describe('With ids of another tenant', () => {
  it('every operation can be attacked, but for those that name nothing', () => {
    const attackable = (operation: Operation) =>
      operation.pathParameters.length + idPlaces(operation).length + idQueries(operation).length > 0;
    const left = api.operations.filter((operation) => !attackable(operation)).map(({ id }) => id);
    expect(left.sort()).toEqual(Object.keys(NAMES_NOTHING).sort());
  });

  it('every path answers 404', async () => {
    for (const operation of ofApi().filter(({ pathParameters }) => pathParameters.length > 0)) {
      const body = sampleBody(operation);
      for (const id of Object.values(theirs.ids)) await attack(operation, withId(operation, id), body, 404);
      await attack(operation, withId(operation, theirs.ids.agent.toUpperCase()), body, 404);
    }
  });

  it('and one that is no id at all answers 404', async () => {
    const { agent } = theirs.ids;
    const noIds = [
      'x',
      '0',
      'null',
      agent.slice(1),
      `${agent}0`,
      `{${agent}}`,
      agent.replaceAll('-', ''),
      `%00${agent}`,
      '%27',
      '..%2f',
    ];
    for (const operation of ofApi().filter(({ pathParameters }) => pathParameters.length > 0)) {
      for (const id of noIds) await attack(operation, withId(operation, id), sampleBody(operation), 404);
    }
  });

  it('every field of every body answers 422, naming the field', async () => {
    for (const operation of ofApi()) {
      for (const place of idPlaces(operation)) {
        const values = place.name === 'tenant' || place.name === 'slug' ? [theirs.slug] : Object.values(theirs.ids);
        for (const value of values) {
          const path = ownPath(operation, ours);
          if (operation.id === 'auth_login') await attack(operation, path, place.body(value), 401);
          else await refused(operation, path, place.body(value), [place.field]);
        }
      }
    }
  });

  it('every filter answers an empty list, and 422 where it is no id', async () => {
    for (const operation of ofApi()) {
      for (const name of idQueries(operation)) {
        const path = ownPath(operation, ours);
        for (const id of Object.values(theirs.ids)) {
          const answer = await attack(operation, `${path}?${name}=${id}`, undefined, 200);
          expect([operation.id, name, answer.json()]).toEqual([operation.id, name, { data: [], nextCursor: null }]);
        }
        for (const text of ['x', `${theirs.ids.agent}0`, '%00', '']) {
          await refused(operation, `${path}?${name}=${text}`, undefined, [name]);
        }
      }
    }
  });

  it('a search for their texts finds nothing', async () => {
    for (const operation of ofApi().filter(({ query }) => query.some(({ name }) => name === 'search'))) {
      const answer = await attack(operation, `${ownPath(operation, ours)}?search=${theirs.mark}`, undefined, 200);
      expect(answer.json()).toEqual({ data: [], nextCursor: null });
    }
  });

  it('a cursor of theirs shows what is ours at most', async () => {
    let tried = 0;
    for (const operation of ofApi().filter(({ query }) => query.some(({ name }) => name === 'cursor'))) {
      const page = await theirs.as.get(`${ownPath(operation, theirs)}?limit=1`);
      const cursor = page.status === 200 ? page.json<{ nextCursor: string | null }>().nextCursor : null;
      if (cursor === null) continue;
      await attack(operation, `${ownPath(operation, ours)}?limit=100&cursor=${cursor}`, undefined, 200);
      tried++;
    }
    expect(tried).toBeGreaterThan(1);
  });

  it('a login to their tenant is none', async () => {
    const { email, password } = ours.owner;
    await attack(api.operation('auth_login'), '/auth/login', { email, password, tenant: theirs.slug }, 401);
    await new Client(server.url).post('/auth/login', { email, password, tenant: ours.slug }).expect(200);
  });

  it('every message of a socket is refused', async () => {
    const socket = io(server.url, { auth: { token: ours.as.token }, transports: ['websocket'], reconnection: false });
    const { session, run, collection } = theirs.ids;
    const messages: [string, object, string][] = [
      ['session.join', { sessionId: session }, 'not_found'],
      ['session.join', { sessionId: session, runId: run, afterSeq: 0 }, 'not_found'],
      ['session.join', { sessionId: ours.ids.session, runId: run }, 'validation_error'],
      ['message.send', { sessionId: session, content: 'Hello' }, 'not_found'],
      ['run.cancel', { runId: run }, 'not_found'],
      ['collection.join', { collectionId: collection }, 'not_found'],
      ['auth.renew', { token: theirs.as.token }, 'authorization_error'],
    ];
    try {
      for (const [name, payload, code] of messages) {
        const reply = (await socket.timeout(5_000).emitWithAck(name, payload)) as {
          ok: boolean;
          error?: { code: string };
        };
        expect([name, reply.ok, reply.error?.code]).toEqual([name, false, code]);
        const leaked = idsIn(JSON.stringify(reply)).filter(
          (id) => secrets.has(id) && !idsIn(JSON.stringify(payload)).includes(id),
        );
        expect(leaked).toEqual([]);
      }
    } finally {
      socket.close();
    }
  });
});

describe('Who and what something is', () => {
  it('is never taken from a body', async () => {
    const own: string[] = [];
    for (const operation of ofApi().filter(({ method }) => method !== 'GET' && method !== 'DELETE')) {
      const path = ownPath(operation, ours);
      const given = Object.fromEntries(IDENTITY.map((name) => [name, theirs.ids.user]));
      if (operation.takesBytes) continue;
      if (operation.takesUpload) await refused(operation, path, formWith(given), IDENTITY);
      else if (!operation.body) await refused(operation, path, given, IDENTITY);
      for (const { field, schema, body } of objectPlaces(operation)) {
        const alien = IDENTITY.filter((name) => !(name in (schema.properties ?? {})));
        own.push(...IDENTITY.filter((name) => !alien.includes(name)).map((name) => `${operation.id} ${field}${name}`));
        const value = {
          ...(api.sample(schema) as object),
          ...Object.fromEntries(alien.map((name) => [name, given[name]])),
        };
        await refused(
          operation,
          path,
          body(value),
          REFUSED_WHOLE.includes(field) ? [field] : alien.map((name) => (field === '' ? name : `${field}.${name}`)),
        );
      }
    }
    expect(own.sort()).toEqual(OWN_IDENTITY.sort());
  });

  it('is never taken from a query', async () => {
    for (const operation of ofApi().filter(({ id }) => !TAKE_ANY_QUERY.includes(id))) {
      const alien = IDENTITY.filter((name) => !operation.query.some((parameter) => parameter.name === name));
      const query = alien.map((name) => `${name}=${theirs.ids.tenant}`).join('&');
      await refused(operation, `${ownPath(operation, ours)}?${query}`, sampleBody(operation), alien);
    }
  });
});

describe('After all that', () => {
  it('theirs is as it was', async () => {
    const shown = ofApi().filter((operation) => operation.method === 'GET' && !isForSuperadmins(operation));
    const ids = shown.map(({ id }) => id).filter((id) => !SHOW_NOTHING.includes(id));
    expect(Object.keys(before).sort()).toEqual(ids.sort());
    expect(textsOf(await everythingOf(api, theirs))).toEqual(before);
  });
});

describe('Every answer to a GET', () => {
  it('is what the document says, and no field more', async () => {
    for (const [id, answer] of await everythingOf(api, ours)) {
      expect([id, answer.status, schemas.faults(api.operation(id), answer)]).toEqual([id, 200, []]);
    }
    expect(schemas.empty()).toEqual([]);
  });
});
