import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Passage } from '../src/contracts/passage.js';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { RunDto } from '../src/modules/sessions/runs/runs.dto.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { ask as askAgent } from './agent-teams.js';
import { verified } from './asked.js';
import type { Client } from './client.js';
import { collection, readyText } from './collections.js';
import { Conversations, manyModels } from './conversations.js';
import type { Member, Tenant } from './given.js';
import { bearer, callTool, mcpClient } from './mcp/mcp-client.js';
import { eventually } from './platform-fixtures.js';
import { calling } from './waiting-runs.js';
import { saying, type Reply } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let tenant: Tenant;
let other: Tenant;
let member: Member;
let viewer: Member;
let open: string;
let secret: string;
let foreign: string;

const OPEN = 'Wages are paid on the 28th.';
const SECRET = 'Wages of the board are paid on the 1st.';
const FOREIGN = 'Wages of strangers are paid on the 13th.';
const QUESTION = 'When are wages paid?';

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
  [tenant, other] = await Promise.all([talks.given.tenant(), talks.given.tenant()]);
  [member, viewer] = [await talks.given.member(tenant, 'admin'), await talks.given.member(tenant, 'viewer')];
  open = (await collection(tenant.as, { name: 'Open' })).id;
  secret = (await collection(tenant.as, { name: 'Secret', access: { userIds: [member.userId] } })).id;
  foreign = (await collection(other.as, { name: 'Foreign' })).id;
  await readyText(tenant.as, open, OPEN);
  await readyText(member.as, secret, SECRET);
  await readyText(other.as, foreign, FOREIGN);
}, 90_000);
afterAll(() => app.close());
beforeEach(() => app.upstream.reset());

interface Sent {
  message: MessageDto;
  run: RunDto;
}

async function said(as: Client, agentId: string, content = QUESTION, session: object = {}): Promise<MessageDto> {
  const { id } = (await as.post('/sessions', { agentId, ...session }).expect(201)).json<{ id: string }>();
  return (await as.post(`/sessions/${id}/messages`, { content }).expect(201)).json<Sent>().message;
}

/** The texts that its searches found. */
function found({ toolCalls }: MessageDto): string[] {
  return toolCalls.flatMap(({ name, output, isError }) => {
    expect([name, isError]).toEqual(['rag:search', false]);
    return (JSON.parse(String(output)) as { passages: Passage[] }).passages.map(({ content }) => content);
  });
}

describe('What an agent finds', () => {
  it('is in its collections, as far as who asks may read them', async () => {
    const agentId = await talks.given.agentOf(member.as, { collectionIds: [open, secret] });
    expect(found(await said(member.as, agentId)).sort()).toEqual([SECRET, OPEN].sort());
    const forOwner = await said(tenant.as, agentId);
    expect(found(forOwner)).toEqual([OPEN]);
    expect(await verified(tenant.as, forOwner.content, forOwner.citations)).toMatchObject([
      { said: OPEN, quote: OPEN },
    ]);
  });

  it('is in all that who asks may read, where it names no collections', async () => {
    const agentId = await talks.given.agentOf(tenant.as, { tools: ['rag:search'] });
    expect(found(await said(tenant.as, agentId))).toEqual([OPEN]);
    expect(found(await said(member.as, agentId)).sort()).toEqual([SECRET, OPEN].sort());
    const theirs = await talks.given.agentOf(other.as, { tools: ['rag:*'] });
    expect(found(await said(other.as, theirs))).toEqual([FOREIGN]);
  });

  it('is no more in a collection that was deleted, which the agent drops', async () => {
    const { id } = await collection(tenant.as, { name: 'Passing' });
    await readyText(tenant.as, id, 'Wages of guests are paid in cash.');
    const agentId = await talks.given.agentOf(tenant.as, { collectionIds: [id, open] });
    const session = (await tenant.as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>();
    const ask = async () => {
      const sent = await tenant.as.post(`/sessions/${session.id}/messages`, { content: QUESTION }).expect(201);
      return sent.json<Sent>().message;
    };
    expect(found(await ask())).toHaveLength(2);
    await tenant.as.delete(`/rag/collections/${id}`).expect(204);
    expect(found(await ask())).toEqual([OPEN]);
    await eventually(
      async () => (await tenant.as.get(`/agents/${agentId}`).expect(200)).json<{ collectionIds: string[] }>(),
      ({ collectionIds }) => collectionIds.length === 1,
    );
  });

  it('is not what others may read, whoever is named in the agent', async () => {
    for (const id of [foreign, secret, randomUUID()]) {
      const refused = await tenant.as.post('/agents', { name: 'Spy', collectionIds: [open, id] }).expect(422);
      expect(faultyFields(refused)).toEqual(['collectionIds[1]']);
    }
  });

  it("is in an agent's own collections, also where another agent asks it", async () => {
    const model = talks.model();
    const allowing = { model, permissionPolicy: { default: 'allow' } };
    const chief = await talks.given.agentOf(member.as, {
      name: 'Chief',
      tools: ['agent:*'],
      collectionIds: [secret],
      ...allowing,
    });
    await talks.given.agentOf(member.as, { name: 'Payroll', collectionIds: [open], ...allowing });
    const search: Reply = calling(['rag__search', { query: QUESTION }]);
    app.upstream.enqueue(calling(askAgent('Payroll', QUESTION)), search, saying('On the 28th.'), search, saying('So.'));
    await said(member.as, chief);
    const [, , asked, , asChief] = talks.sent(model).map((request) => JSON.stringify(request.messages));
    expect([asked?.includes(OPEN), asked?.includes(SECRET)]).toEqual([true, false]);
    expect([asChief?.includes(OPEN), asChief?.includes(SECRET)]).toEqual([false, true]);
  });

  it.each<[string, object, RegExp]>([
    ['a filter that is none', { query: 'wages', filter: { a: { $where: 1 } } }, /\$where/],
    ['too many passages', { query: 'wages', topK: 1_000 }, /topK/],
    ['no query', { topK: 3 }, /query/],
    ['collections of its own choice', { query: 'wages', collectionIds: [foreign] }, /additional properties/],
  ])('is nothing where the model asks with %s, and it is told why', async (_what, input, reason) => {
    const model = talks.model();
    const agentId = await talks.given.agentOf(tenant.as, { model, collectionIds: [open] });
    app.upstream.enqueue(calling(['rag__search', input as Record<string, unknown>]), saying('Nothing.'));
    const { toolCalls, content } = await said(tenant.as, agentId);
    expect([content, toolCalls[0]?.isError]).toEqual(['Nothing.', true]);
    expect(String(toolCalls[0]?.output)).toMatch(reason);
  });
});

describe('The tool that searches', () => {
  it('is allowed by any default, and denied by a rule', async () => {
    const denying = (rules: object[]) => ({ permissionPolicy: { default: 'deny', rules } });
    const model = talks.model();
    const searching = () => app.upstream.enqueue(calling(['rag__search', { query: QUESTION }]), saying('So.'));
    const free = await talks.given.agentOf(tenant.as, { model, collectionIds: [open], ...denying([]) });
    searching();
    expect(found(await said(tenant.as, free))).toEqual([OPEN]);
    searching();
    const rule = [{ tool: 'rag:search', action: 'deny' }];
    const { toolCalls } = await said(tenant.as, free, QUESTION, denying(rule));
    expect(toolCalls).toMatchObject([{ name: 'rag:search', isError: true }]);
    expect(String(toolCalls[0]?.output)).not.toContain('28th');
  });

  it('is switched off and on for a tenant', async () => {
    const agentId = await talks.given.agentOf(other.as, { collectionIds: [foreign] });
    const listed = async () =>
      (await other.as.get('/tools').expect(200))
        .json<{ data: { name: string }[] }>()
        .data.find(({ name }) => name === 'rag:search');
    expect(await listed()).toMatchObject({ source: 'builtin', enabled: true, changed: false });
    const path = `/tools/${encodeURIComponent('rag:search')}`;
    await viewer.as.patch(path, { enabled: false }).expect(403);
    await other.as.patch(path, { enabled: false }).expect(200);
    expect(await listed()).toMatchObject({ enabled: false });
    const without = await said(other.as, agentId);
    expect([without.toolCalls, without.citations]).toEqual([[], []]);
    expect(without.content).not.toContain('13th');
    const elsewhere = await talks.given.agentOf(tenant.as, { collectionIds: [open] });
    expect(found(await said(tenant.as, elsewhere))).toEqual([OPEN]);
    await other.as.patch(path, { enabled: true }).expect(200);
    expect(found(await said(other.as, agentId))).toEqual([FOREIGN]);
  });

  it('is no MCP server, whose tools are called by hand', async () => {
    const body = { serverId: 'rag', tool: 'search', arguments: { query: QUESTION } };
    expect(faultyFields(await tenant.as.post('/mcp/execute', body).expect(422))).toEqual(['serverId']);
    await tenant.as.get('/mcp/servers/rag').expect(404);
    const taken = await tenant.as
      .post('/mcp/servers', { name: 'rag', transport: 'http', url: 'https://mcp.example.com' })
      .expect(422);
    expect(faultyFields(taken)).toEqual(['name']);
  });
});

describe('A client of MCP', () => {
  const clientOf = ({ as }: { as: Client }) => mcpClient(app.url, bearer(as.token));
  const contents = (answer: Awaited<ReturnType<typeof callTool>>) =>
    (answer.structuredContent as { results: { content: string }[] }).results.map(({ content }) => content).sort();

  async function resourcesOf(client: Awaited<ReturnType<typeof clientOf>>): Promise<string[]> {
    const uris: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page = await client.listResources(cursor === '' ? {} : { cursor });
      uris.push(...page.resources.map(({ uri }) => uri));
      cursor = page.nextCursor;
    }
    return uris;
  }

  it('searches what its user may read, or the collections it names', async () => {
    for (const [who, all] of [
      [tenant, [OPEN]],
      [viewer, [OPEN]],
      [member, [OPEN, SECRET].sort()],
      [other, [FOREIGN]],
    ] as const) {
      const client = await clientOf(who);
      await client.listTools();
      expect(contents(await callTool(client, 'search_knowledge', { query: QUESTION }))).toEqual(all);
    }
    const client = await clientOf(member);
    expect(contents(await callTool(client, 'search_knowledge', { query: QUESTION, collectionIds: [secret] }))).toEqual([
      SECRET,
    ]);
    expect(contents(await callTool(client, 'search_knowledge', { query: QUESTION, topK: 1 }))).toHaveLength(1);
  });

  it('is told of collections that are not there for it, and of what it may not ask', async () => {
    const client = await clientOf(tenant);
    for (const id of [secret, foreign, randomUUID()]) {
      const { isError, texts } = await callTool(client, 'search_knowledge', {
        query: QUESTION,
        collectionIds: [open, id],
      });
      expect(isError).toBe(true);
      expect(texts.join()).toMatch(/collectionIds\[1\].*There is no such collection|There is no such collection/);
      expect(texts.join()).not.toMatch(/28th|1st|13th/);
    }
    for (const input of [
      { query: ' ' },
      { query: 'x', topK: 101 },
      { query: 'x', topK: 0 },
      { query: 'x', collectionIds: [] },
      { query: 'x', collectionIds: ['none'] },
      { query: 'x', collectionIds: Array.from({ length: 21 }, () => randomUUID()) },
      { query: 'x'.repeat(10_001) },
      { query: 'x', filter: {} },
    ]) {
      const refused = await callTool(client, 'search_knowledge', input).then(
        ({ isError }) => isError,
        () => true,
      );
      expect([input, refused]).toEqual([input, true]);
    }
  });

  it('is offered both with the permission to read alone', async () => {
    const key = async (scopes: string[]) =>
      (await tenant.as.post('/api-keys', { name: 'Mcp', scopes }).expect(201)).json<{ key: string }>().key;
    const reader = await mcpClient(app.url, bearer(await key(['rag:read'])));
    expect((await reader.listTools()).tools.map(({ name }) => name)).toEqual(['search_knowledge']);
    const none = await mcpClient(app.url, bearer(await key(['agents:read'])));
    expect((await none.listTools()).tools.map(({ name }) => name)).not.toContain('search_knowledge');
    expect((await callTool(none, 'search_knowledge', { query: QUESTION })).texts.join()).toContain('rag:read');
    const uris = async (client: Awaited<ReturnType<typeof clientOf>>) =>
      (await resourcesOf(client)).filter((uri) => uri.includes('collections'));
    expect(await uris(none)).toEqual([]);
    await expect(none.readResource({ uri: `atrium://collections/${open}` })).rejects.toThrow();
    expect(await uris(reader)).toEqual([`atrium://collections/${open}`]);
    expect(await uris(await clientOf(other))).toEqual([`atrium://collections/${foreign}`]);
    expect((await uris(await clientOf(member))).sort()).toEqual(
      [open, secret].map((id) => `atrium://collections/${id}`).sort(),
    );
    const {
      contents: [shown],
    } = await reader.readResource({ uri: `atrium://collections/${open}` });
    expect(JSON.parse((shown as { text: string }).text)).toMatchObject({ id: open, name: 'Open', documentCount: 1 });
    for (const id of [secret, foreign, randomUUID(), 'none'])
      await expect(reader.readResource({ uri: `atrium://collections/${id}` })).rejects.toThrow();
  });
});
