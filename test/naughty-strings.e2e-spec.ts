import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AnswerSchemas } from './answer-schemas.js';
import { faultyFields } from './answers.js';
import { ApiDocument, typesOf, type Operation, type Place } from './api-document.js';
import type { Answer, Client } from './client.js';
import { Given } from './given.js';
import { at, bodyOf, fresh, grouped, type Filled } from './merged-bodies.js';
import { furnish, isForSuperadmins, knownTo, ownPath, withId, type Furnished } from './one-of-everything.js';
import { startServer, type Server } from './server.js';
import { publicStrings } from './public-data.js';

// Of three neighbours, which are much alike, the embedded store gets the first, servers the second.
const mine = process.env['TEST_DATABASE_URL'] === undefined ? 0 : 1;
const strings = publicStrings('vectors/naughty-strings.json').filter((_, index) => index % 3 === mine);

/** Operations that run a model get several strings in one text. */
const RUNNING = ['messages_send', 'execute_execute', 'execute_executeStream'];
/** Those that hash a password too, and each a part of them. */
const HASHING = ['members_add', 'auth_login', 'auth_changePassword', 'adminTenants_create'];
/** As much as the shortest of their fields takes. */
const SEVERAL_CHARS = 190;

/** Operations that take the same fields share the strings. */
const SHARING = [
  ['agents_create', 'agents_update', 'agentExports_import'],
  ['sessions_create', 'sessions_update', 'sessionBatches_create', 'sessionTemplates_create', 'sessionTemplates_update'],
  ['tenant_update', 'adminTenants_update', 'apiKeys_create'],
  ['agents_list', 'sessions_list', 'messages_list', 'collections_list'],
  ['hooks_create', 'hooks_update'],
  [
    ...['collections_create', 'collections_update', 'documents_create', 'documents_createBatch'],
    ...['search_search', 'answers_query', 'evaluations_create'],
  ],
  ['mcpServers_create', 'mcpServers_update'],
  ['mcpServers_readResource', 'mcpServers_getPrompt', 'executions_execute', 'clientTools_answer', 'permissions_decide'],
];

/** What an operation gets; little for fields that take only some texts, since those don't reach the database. */
function dealt({ id }: Operation, isFree: boolean): string[] {
  const sharing = [...SHARING, HASHING].find((ids) => ids.includes(id)) ?? [id];
  const every = sharing.length * (isFree ? 1 : 8);
  const texts = [...RUNNING, ...HASHING].includes(id) ? several : strings;
  return texts.filter((_text, index) => index % every === sharing.indexOf(id));
}

const several = strings.reduce<string[]>((texts, text) => {
  const last = texts.at(-1);
  if (last === undefined || last.length + text.length >= SEVERAL_CHARS) return [...texts, text];
  return [...texts.slice(0, -1), `${last}\n${text}`];
}, []);

/** Texts that go in and are never shown again, or not in the same form. */
const NOT_SHOWN =
  /(^|\.)(password|currentPassword|newPassword|refreshToken|email|attachments|fileId)\b|^messages_send model|^databaseConnections_create url|^documents_create text|^documents_createBatch .*text|^search_search|^evaluations_create cases|^mcpServers_\w+ headers/;

/** Texts of which one of nothing but space is none. */
const BLANK_IS_NONE = /^sessions?(Batches)?_\w+ (\[\d+\]\.)?title$/;

(strings.length > 0 ? describe : describe.skip)('A naughty string', () => {
  let server: Server;
  let api: ApiDocument;
  let schemas: AnswerSchemas;
  let ours: Furnished;
  let superadmin: Client;
  let administered: string;

  beforeAll(async () => {
    server = await startServer({ EGRESS_ALLOW: '127.0.0.0/8' });
    api = await ApiDocument.of(server.url);
    schemas = new AnswerSchemas(api);
    const given = new Given(server);
    superadmin = await given.admin();
    ours = await furnish(given, 'ours');
    api.know(knownTo(ours));
    administered = (await given.tenant()).tenantId;
  }, 300_000);

  afterAll(() => server.stop());

  function caller(operation: Operation): Client {
    return isForSuperadmins(operation) ? superadmin : ours.as;
  }

  async function pathOf(operation: Operation): Promise<string> {
    if (operation.id === 'messages_send') return `/sessions/${await session()}/messages`;
    return isForSuperadmins(operation) ? withId(operation, administered) : ownPath(operation, ours);
  }

  function assertDocumented(operation: Operation, answer: Answer, given: unknown): void {
    const problem = answer.status >= 500 ? answer.text : null;
    expect([operation.id, given, problem, schemas.faults(operation, answer)]).toEqual([operation.id, given, null, []]);
  }

  /** Sends all of them at once; without those that were refused, as long as something is left. */
  async function send(operation: Operation, all: Filled[]): Promise<void> {
    let left = all;
    while (left.length > 0) {
      const body = bodyOf(left);
      const path = await pathOf(operation);
      const answer = await caller(operation).send(operation.method, path, body);
      assertDocumented(operation, answer, body);
      if (answer.status < 300) {
        await assertShown(operation, path, answer, left);
        return;
      }
      if (answer.status !== 422) return;
      const faults = faultyFields(answer);
      const fine = left.filter(
        ({ place }) => !faults.some((fault) => place.field === fault || place.field.startsWith(`${fault}[`)),
      );
      // A fault of none of them: what else the body holds is not good enough, and no string will change that.
      if (fine.length === left.length) return;
      left = fine;
    }
  }

  async function session(): Promise<string> {
    const answer = await ours.as.post('/sessions', { agentId: ours.ids.agent }).expect(201);
    return answer.json<{ id: string }>().id;
  }

  async function assertShown(operation: Operation, path: string, answer: Answer, given: Filled[]): Promise<void> {
    const isText = given.some(({ place }) => place.field === 'content');
    const shown = await resource(operation, path, answer, isText);
    for (const { place, value } of given) {
      if (NOT_SHOWN.test(place.field) || NOT_SHOWN.test(`${operation.id} ${place.field}`)) continue;
      const isNone = BLANK_IS_NONE.test(`${operation.id} ${place.field}`) && String(value).trim() === '';
      for (const [where, seen] of Object.entries(shown)) {
        expect([operation.id, where, place.field, at(seen, place.path)]).toEqual([
          operation.id,
          where,
          place.field,
          isNone ? null : value,
        ]);
      }
    }
  }

  /** What was made or changed, as the answer shows it and as it is read afterwards. */
  async function resource(
    operation: Operation,
    path: string,
    answer: Answer,
    isText: boolean,
  ): Promise<Record<string, unknown>> {
    switch (operation.id) {
      case 'messages_send': {
        const { content, blocks } = await firstMessage(path);
        // It was sent as a text or as blocks, and is shown as both.
        return { read: { content: isText ? content : blocks } };
      }
      case 'execute_execute':
      case 'execute_executeStream': {
        const sessionId = /"sessionId":"([^"]+)"/.exec(answer.text)?.[1];
        const { content, blocks } = await firstMessage(`/sessions/${sessionId}/messages`);
        return { text: { message: content }, block: { message: at(blocks, [0, 'text']) } };
      }
      case 'forks_create': {
        const answered = answer.json<{ id: string }>();
        return { answered, read: (await ours.as.get(`/sessions/${answered.id}`).expect(200)).json() };
      }
      case 'messageEdits_rate': {
        const { id, feedback } = answer.json<{ id: string; feedback: object }>();
        const read = (await ours.as.get(`/messages/${id}`).expect(200)).json<{ feedback: object }>();
        return { answered: feedback, read: read.feedback };
      }
      case 'sessionBatches_create': {
        const { data } = answer.json<{ data: { id: string }[] }>();
        const read = data.map(async ({ id }) => (await ours.as.get(`/sessions/${id}`).expect(200)).json());
        return { answered: data, read: await Promise.all(read) };
      }
      case 'agentExports_import': {
        const agent = answer.json<{ id: string }>();
        return { answered: { agent }, read: { agent: (await ours.as.get(`/agents/${agent.id}`).expect(200)).json() } };
      }
      case 'answers_query': {
        const { queryId } = answer.json<{ queryId: string }>();
        return { read: (await ours.as.get(`/rag/queries/${queryId}`).expect(200)).json() };
      }
      case 'documents_create': {
        const { document } = answer.json<{ document: { id: string } }>();
        // One that was there already is called as it was.
        if (answer.status === 200) return {};
        return { answered: document, read: (await ours.as.get(`/rag/documents/${document.id}`).expect(200)).json() };
      }
      case 'evaluations_create':
        return { answered: answer.json<{ evaluation: object }>().evaluation };
      case 'search_search':
      case 'documents_createBatch':
      case 'apiKeys_create':
        return { answered: answer.json() };
      default: {
        const answered = answer.json<{ id?: string; userId?: string }>();
        const own = operation.method === 'POST' ? `${path}/${answered.id ?? answered.userId}` : path;
        return { answered, read: (await caller(operation).get(own).expect(200)).json() };
      }
    }
  }

  async function firstMessage(path: string): Promise<{ content: unknown; blocks: unknown }> {
    const { data } = (await ours.as.get(`${path}?role=user&limit=1`).expect(200)).json<{
      data: { content: string; blocks: object[] }[];
    }>();
    return { content: data[0]?.content, blocks: data[0]?.blocks };
  }

  it('in any text of a body is refused as the fault of its field, or shown again as it was', async () => {
    const operations = api.operations.filter(({ body }) => body !== null);
    await Promise.all(
      operations.map(async (operation) => {
        const places = [...api.places(operation.body ?? {})].filter(takesText);
        const [free, restricted] = await parted(operation, places);
        for (const [groups, isFree] of [
          [grouped(free), true],
          [grouped(restricted), false],
        ] as const) {
          const texts = dealt(operation, isFree);
          for (const group of groups) {
            for (const index of texts.keys()) {
              await send(
                operation,
                group.map((place, shift) => ({ place, value: pick(texts, index + shift * 37) })),
              );
            }
          }
        }
      }),
    );
  }, 300_000);

  /** Fields that take any text, and those that take some. */
  async function parted(operation: Operation, places: Place[]): Promise<[Place[], Place[]]> {
    const free: Place[] = [];
    for (const place of places) {
      const path = await pathOf(operation);
      const answer = await caller(operation).send(operation.method, path, fresh(place.body('Any text at all')));
      if (answer.status < 300) free.push(place);
    }
    return [free, places.filter((place) => !free.includes(place))];
  }

  it('as a name or value of free-form JSON comes back as it was', async () => {
    const names = strings.filter((text) => text !== '__proto__');
    // As many as fit into a context.
    for (let from = 0; from < names.length; from += 100) {
      const naughty = Object.fromEntries(names.slice(from, from + 100).map((text) => [text, { [text]: [text] }]));
      const both = { metadata: naughty, context: naughty };
      const { id } = (await ours.as.post('/sessions', both).expect(201)).json<{ id: string }>();
      expect((await ours.as.get(`/sessions/${id}`).expect(200)).json()).toMatchObject(both);
    }
  });

  it('in any parameter of a query is refused as its fault, or finds what there is', async () => {
    // One of a callback alone is refused for the others, which it needs.
    const operations = api.operations.filter(
      ({ id, query, path }) => query.length > 0 && path.startsWith('/api/') && id !== 'mcpOAuth_callback',
    );
    await Promise.all(
      operations.map(async (operation) => {
        for (const { name } of operation.query) {
          const isFree = ['search', 'action', 'resourceType'].includes(name);
          const texts = dealt(operation, isFree);
          for (const text of isFree ? texts : texts.slice(0, 8)) {
            const answer = await caller(operation).get(
              `${await pathOf(operation)}?${name}=${encodeURIComponent(text)}`,
            );
            assertDocumented(operation, answer, text);
            if (answer.status === 422) expect(faultyFields(answer)).toEqual([name]);
            else expect(name === 'cursor' ? [400] : [200]).toContain(answer.status);
          }
        }
      }),
    );
  }, 300_000);

  it('in place of an id names nothing', async () => {
    const operations = api.operations.filter(({ pathParameters }) => pathParameters.length > 0);
    for (const [turn, operation] of operations.entries()) {
      const body = operation.body ? api.sample(operation.body) : undefined;
      const some = strings.filter((text, index) => index % operations.length === turn && !/^\.{0,2}$/.test(text));
      for (const text of some) {
        const answer = await caller(operation).send(
          operation.method,
          withId(operation, encodeURIComponent(text)),
          body,
        );
        expect([operation.id, text, answer.status]).toEqual([operation.id, text, 404]);
      }
    }
  });
});

function takesText({ schema }: Place): boolean {
  return typesOf(schema).includes('string') && !schema.enum;
}

function pick(texts: readonly string[], index: number): string {
  return texts[index % texts.length] ?? '';
}
