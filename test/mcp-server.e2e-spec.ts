import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js';
import { v7 } from 'uuid';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { Given, type Tenant } from './given.js';
import { bearer, callTool, mcpClient } from './mcp/mcp-client.js';
import { eventually } from './platform-fixtures.js';
import { failing, type Reply } from './upstream/reply.js';

let app: TestApp;
let given: Given;
let talks: Conversations;
let tenant: Tenant & { agentId: string };
let owner: McpClient;

beforeAll(async () => {
  app = await startApp(manyModels());
  given = new Given(app);
  talks = new Conversations(app, given);
  tenant = await given.agent({ name: 'Counter', description: 'Counts', tools: ['calculator:*'] });
  owner = await clientOf(tenant);
  // The client holds answers against the schemas of the tools that it knows.
  await owner.listTools();
}, 60_000);
afterAll(() => app.close());

function clientOf({ as }: Pick<Tenant, 'as'>): Promise<McpClient> {
  return mcpClient(app.url, bearer(as.token));
}

async function keyOf({ as }: Tenant, scopes?: string[]): Promise<{ id: string; key: string }> {
  return (await as.post('/api-keys', { name: 'Mcp', scopes }).expect(201)).json<{ id: string; key: string }>();
}

async function toolsOf(client: McpClient): Promise<string[]> {
  return (await client.listTools()).tools.map(({ name }) => name);
}

interface Ran extends Record<string, unknown> {
  runId: string;
  sessionId: string;
}

async function statusOf(runId: string, { as }: Pick<Tenant, 'as'> = tenant): Promise<string> {
  return (await as.get(`/runs/${runId}`).expect(200)).json<{ status: string }>().status;
}

describe('A client of MCP', () => {
  it('is told what it speaks with', () => {
    expect(owner.getServerVersion()).toMatchObject({ name: 'atrium', title: 'Atrium' });
    expect(owner.getServerCapabilities()).toEqual({ tools: {}, resources: {}, prompts: {} });
  });

  it('comes with an API key as well, in either header', async () => {
    const { key } = await keyOf(tenant);
    for (const headers of [bearer(key), { 'x-api-key': key }]) {
      const client = await mcpClient(app.url, headers);
      expect(await toolsOf(client)).toEqual(['list_agents', 'run_agent', 'search_knowledge']);
    }
  });

  it('comes no more with a key that was revoked', async () => {
    const { id, key } = await keyOf(tenant);
    const client = await mcpClient(app.url, bearer(key));
    await client.ping();
    await tenant.as.delete(`/api-keys/${id}`).expect(204);
    await expect(client.ping()).rejects.toThrow('Authentication is required');
    await expect(mcpClient(app.url, bearer(key))).rejects.toThrow();
  });

  it('is shown the tools that it may use', async () => {
    const { accessToken } = await given.member(tenant, 'viewer');
    const member = await given.member(tenant, 'member');
    const reader = await keyOf(tenant, ['agents:read']);
    const nothing = await keyOf(tenant, ['files:read']);
    const tools = async (token: string) => toolsOf(await mcpClient(app.url, bearer(token)));
    expect(await tools(member.accessToken)).toEqual(['list_agents', 'run_agent', 'search_knowledge']);
    expect(await tools(accessToken)).toEqual(['list_agents', 'search_knowledge']);
    expect(await tools(reader.key)).toEqual(['list_agents']);
    expect(await tools(nothing.key)).toEqual([]);
  });

  it('can not use the others all the same', async () => {
    const viewer = await given.member(tenant, 'viewer');
    const client = await clientOf(viewer);
    const { agentId } = tenant;
    expect(await callTool(client, 'run_agent', { agentId, message: 'Hello' })).toMatchObject({
      isError: true,
      texts: ['authorization_error: The permission agents:execute is missing'],
      structuredContent: { error: { code: 'authorization_error', details: { permission: 'agents:execute' } } },
    });
  });
});

describe('list_agents', () => {
  it('lists the agents of the tenant, page by page', async () => {
    const other = await given.agent({ name: 'First' });
    for (const name of ['Second', 'Third']) await given.agentOf(other.as, { name });
    const client = await clientOf(other);
    await client.listTools();
    const names: unknown[] = [];
    let cursor: unknown;
    do {
      const { structuredContent, texts } = await callTool(client, 'list_agents', {
        limit: 2,
        ...(cursor ? { cursor } : {}),
      });
      const { agents, nextCursor } = structuredContent as { agents: { name: string }[]; nextCursor: string | null };
      expect(JSON.parse(texts[0] ?? '')).toEqual(structuredContent);
      names.push(...agents.map(({ name }) => name));
      cursor = nextCursor;
    } while (cursor);
    expect(names).toEqual(['Third', 'Second', 'First']);
  });

  it('finds by name', async () => {
    const { structuredContent } = await callTool(owner, 'list_agents', { search: 'count' });
    expect(structuredContent).toMatchObject({
      agents: [{ id: tenant.agentId, name: 'Counter', description: 'Counts' }],
    });
  });
});

describe('run_agent', () => {
  it('answers as the REST API does, and goes on in the session', async () => {
    const { agentId, as } = tenant;
    const first = await callTool(owner, 'run_agent', { agentId, message: 'What is 20 + 22?' });
    const { sessionId, runId, content } = first.structuredContent as Ran;
    expect(first).toMatchObject({ isError: false, structuredContent: { status: 'completed', toolCalls: [{}] } });
    expect(first.texts).toEqual([content, JSON.stringify({ sessionId, runId, status: 'completed' })]);
    expect(content).toContain('42');
    const second = await callTool(owner, 'run_agent', { agentId, message: 'And 1 + 2?', sessionId });
    expect(second.structuredContent).toMatchObject({ sessionId, status: 'completed' });
    const { data } = (await as.get(`/sessions/${sessionId}/messages`).expect(200)).json<{ data: { role: string }[] }>();
    expect(data.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect((await as.get(`/runs/${runId}`).expect(200)).json()).toMatchObject({ trigger: 'execute', agentId });
  });

  it('tells how it goes, if that is wanted', async () => {
    const told: { progress: number; message?: string }[] = [];
    const call = { name: 'run_agent', arguments: { agentId: tenant.agentId, message: 'What is 5 * 5?' } };
    const { structuredContent } = await owner.callTool(call, undefined, { onprogress: (step) => told.push(step) });
    const { runId } = structuredContent as Ran;
    expect(told[0]?.message).toBe(`Run ${runId} has started`);
    expect(told.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['Answering', 'Calling calculator:multiply', 'calculator:multiply is done']),
    );
    expect(told.map(({ progress }) => progress)).toEqual(told.map((_step, index) => index + 1));
  });

  it.each<[string, (foreign: Talk) => Record<string, unknown>, string]>([
    ['an agent of another tenant', ({ agentId }) => ({ agentId }), 'not_found: Agent not found'],
    ['no such agent', () => ({ agentId: v7() }), 'not_found: Agent not found'],
    [
      'a session of another tenant',
      ({ sessionId }) => ({ sessionId }),
      'validation_error: There is no such session of this agent',
    ],
    ['no id', () => ({ agentId: 'x' }), 'validation_error: agentId: must match format "uuid"'],
    ['no message', () => ({ message: ' ' }), 'validation_error: message: must match pattern "\\S"'],
    ['a number for a message', () => ({ message: 1 }), 'validation_error: message: must be string'],
    [
      'what it does not take',
      () => ({ tenantId: v7() }),
      'validation_error: tenantId: must NOT have additional properties',
    ],
  ])('refuses %s readably', async (_what, wrong, text) => {
    const foreign = await talks.start();
    const before = await sessionCount();
    const input = { agentId: tenant.agentId, message: 'Hello', ...wrong(foreign) };
    const answer = await callTool(owner, 'run_agent', input);
    expect(answer).toMatchObject({
      isError: true,
      texts: [text],
      structuredContent: { error: { code: text.split(':')[0] } },
    });
    expect(await sessionCount()).toBe(before);
  });

  async function sessionCount(): Promise<number> {
    return (await tenant.as.get('/sessions?limit=100').expect(200)).json<{ data: object[] }>().data.length;
  }

  it('refuses to go on in a session that takes no messages', async () => {
    const { agentId, as } = tenant;
    const { structuredContent } = await callTool(owner, 'run_agent', { agentId, message: 'Hello' });
    const { sessionId } = structuredContent as Ran;
    await as.post(`/sessions/${sessionId}/archive`).expect(200);
    const answer = await callTool(owner, 'run_agent', { agentId, message: 'Hello', sessionId });
    expect(answer).toMatchObject({ isError: true, structuredContent: { error: { code: 'conflict' } } });
  });

  /** Runs an agent whose model answers so, and acts as soon as the run has begun. */
  async function during(
    replies: Reply[],
    act: (talk: Talk, runId: string) => Promise<unknown>,
  ): Promise<[Talk, Ran, boolean]> {
    const talk = await talks.start();
    const client = await clientOf(talk);
    await client.listTools();
    app.upstream.enqueue(...replies);
    let acting: Promise<unknown> | undefined;
    const onprogress = ({ message = '' }) => {
      const runId = /^Run (\S+) has started$/.exec(message)?.[1];
      if (runId !== undefined) acting = act(talk, runId);
    };
    const call = { name: 'run_agent', arguments: { agentId: talk.agentId, message: 'Hi', sessionId: talk.sessionId } };
    const { structuredContent, isError } = await client.callTool(call, undefined, { onprogress });
    await acting;
    return [talk, structuredContent as Ran, isError === true];
  }

  const said = (talk: Talk, count = 1) =>
    eventually(
      () => talks.sent(talk.model).length,
      (now) => now >= count,
    );

  it('that waits for a person is no answer, and goes on when they have answered', async () => {
    const rules = [{ tool: 'calculator:*', action: 'ask' }];
    const asking = await given.agent({ tools: ['calculator:*'], permissionPolicy: { default: 'allow', rules } });
    const client = await clientOf(asking);
    await client.listTools();
    const { agentId, as } = asking;
    const answer = await callTool(client, 'run_agent', { agentId, message: 'What is 20 + 22?' });
    const { runId, sessionId, pendingPermissions } = answer.structuredContent as Ran & { pendingPermissions: object[] };
    expect(answer).toMatchObject({ isError: true, structuredContent: { status: 'waiting', pendingToolCalls: [] } });
    expect(JSON.parse(answer.texts[0] ?? '')).toEqual(answer.structuredContent);
    expect(pendingPermissions).toMatchObject([{ runId, tool: 'calculator:add', status: 'pending' }]);
    expect(await statusOf(runId, asking)).toBe('waiting');
    const again = await callTool(client, 'run_agent', { agentId, message: 'Hello?', sessionId });
    expect(again).toMatchObject({ isError: true, structuredContent: { error: { code: 'run_in_progress' } } });

    const [{ id }] = pendingPermissions as [{ id: string }];
    await as.post(`/permissions/${id}`, { decision: 'allow' }).expect(200);
    await eventually(
      () => statusOf(runId, asking),
      (status) => status === 'completed',
    );
  });

  it('that fails says why', async () => {
    const [, told, isError] = await during([failing(400)], async () => undefined);
    expect(isError).toBe(true);
    expect(told).toMatchObject({ status: 'failed', error: { code: expect.any(String), message: expect.any(String) } });
  });

  it('that is cancelled says so', async () => {
    const [, told, isError] = await during(
      [{ steps: [{ text: 'One' }, { hang: true }] }],
      async ({ as, model }, runId) => {
        await said({ model } as Talk);
        await as.post(`/runs/${runId}/cancel`).expect(200);
      },
    );
    expect([isError, told['status']]).toEqual([true, 'cancelled']);
  });

  it('is not told any more to whom may not see it any more', async () => {
    const talk = await talks.start();
    const { id, key } = await keyOf(talk);
    const client = await mcpClient(app.url, bearer(key));
    app.upstream.enqueue({ steps: [{ text: 'One' }, { hang: true }] });
    const call = { name: 'run_agent', arguments: { agentId: talk.agentId, message: 'Hi', sessionId: talk.sessionId } };
    const calling = client.callTool(call);
    await said(talk);
    await talk.as.delete(`/api-keys/${id}`).expect(204);
    expect(await calling).toMatchObject({
      isError: true,
      structuredContent: { error: { code: 'authentication_error' } },
    });
    await talk.as.post(`/sessions/${talk.sessionId}/interrupt`).expect(200);
  });

  it('that takes too long is told as it stands', async () => {
    const impatient = await startApp({ WAIT_MAX_MS: '1000' });
    try {
      const { as, agentId } = await new Given(impatient).agent({ model: 'claude-haiku-4-5' });
      impatient.upstream.enqueue({ steps: [{ text: 'One' }, { hang: true }] });
      const client = await mcpClient(impatient.url, bearer(as.token));
      await client.listTools();
      const answer = await callTool(client, 'run_agent', { agentId, message: 'Hi' });
      expect(answer).toMatchObject({
        isError: true,
        structuredContent: { status: 'running', runId: expect.any(String) },
      });
    } finally {
      await impatient.close();
    }
  });

  it('goes on when its client leaves', async () => {
    const talk = await talks.start();
    const client = await clientOf(talk);
    app.upstream.enqueue({ steps: [{ text: 'One' }, { pauseMs: 300 }, { text: ' two' }] });
    const started = Promise.withResolvers<string>();
    const onprogress = ({ message = '' }) => started.resolve(message.split(' ')[1] ?? '');
    const call = { name: 'run_agent', arguments: { agentId: talk.agentId, message: 'Hi', sessionId: talk.sessionId } };
    const calling = client.callTool(call, undefined, { onprogress });
    const runId = await started.promise;
    const left = expect(calling).rejects.toThrow();
    await client.close();
    await left;
    await eventually(
      () => statusOf(runId, talk),
      (status) => status === 'completed',
    );
  });

  it('goes on when a client leaves who was not told how it goes', async () => {
    const talk = await talks.start();
    app.upstream.enqueue({ steps: [{ text: 'One' }, { pauseMs: 300 }, { text: ' two' }] });
    const params = {
      name: 'run_agent',
      arguments: { agentId: talk.agentId, message: 'Hi', sessionId: talk.sessionId },
    };
    const body = { jsonrpc: '2.0', id: 1, method: 'tools/call', params };
    const leaving = new AbortController();
    const headers = { accept: 'application/json, text/event-stream' };
    const left = expect(talk.as.fetch('POST', 'mcp', body, headers, leaving.signal)).rejects.toThrow();
    await said(talk);
    leaving.abort();
    await left;
    const runs = async () =>
      (await talk.as.get(`/sessions/${talk.sessionId}/runs`).expect(200)).json<{ data: { status: string }[] }>().data;
    await eventually(runs, ([run]) => run?.status === 'completed');
  });

  it('goes on when its client takes the call back', async () => {
    const talk = await talks.start();
    const client = await clientOf(talk);
    app.upstream.enqueue({ steps: [{ text: 'One' }, { pauseMs: 300 }, { text: ' two' }] });
    const started = Promise.withResolvers<string>();
    const onprogress = ({ message = '' }) => started.resolve(message.split(' ')[1] ?? '');
    const call = { name: 'run_agent', arguments: { agentId: talk.agentId, message: 'Hi', sessionId: talk.sessionId } };
    const cancelling = new AbortController();
    const calling = client.callTool(call, undefined, { onprogress, signal: cancelling.signal });
    const left = expect(calling).rejects.toThrow();
    const runId = await started.promise;
    cancelling.abort();
    await left;
    await client.ping();
    await eventually(
      () => statusOf(runId, talk),
      (status) => status === 'completed',
    );
  });
});

describe('A tool that does not exist', () => {
  it.each(['get_execution', 'run_workflow', 'constructor', ''])('%j is an error of the protocol', async (name) => {
    await expect(owner.callTool({ name, arguments: {} })).rejects.toMatchObject({ code: -32_602 });
  });
});

describe('Agents', () => {
  it('are resources, page by page', async () => {
    const other = await given.agent({ name: 'Agent 0', description: 'Of many' });
    for (let n = 1; n <= 55; n++) await given.agentOf(other.as, { name: `Agent ${n}` });
    const client = await clientOf(other);
    const first = await client.listResources();
    const second = await client.listResources({ cursor: first.nextCursor ?? '' });
    // Collections come behind, of which there are none.
    const third = await client.listResources({ cursor: second.nextCursor ?? '' });
    expect([first, second, third].map(({ resources }) => resources.length)).toEqual([50, 6, 0]);
    expect(third.nextCursor).toBeUndefined();
    expect(second.resources.at(-1)).toEqual({
      ...{ uri: `atrium://agents/${other.agentId}`, name: 'Agent 0', description: 'Of many' },
      mimeType: 'application/json',
    });
    expect((await client.listResourceTemplates()).resourceTemplates).toMatchObject([
      { uriTemplate: 'atrium://agents/{id}' },
      { uriTemplate: 'atrium://collections/{id}' },
    ]);
  });

  it('are read as the REST API shows them', async () => {
    const uri = `atrium://agents/${tenant.agentId}`;
    const { contents } = await owner.readResource({ uri });
    const [{ text } = { text: '' }] = contents as { text: string }[];
    expect(contents).toMatchObject([{ uri, mimeType: 'application/json' }]);
    expect(JSON.parse(text)).toEqual((await tenant.as.get(`/agents/${tenant.agentId}`).expect(200)).json());
  });

  it.each([
    'atrium://agents/x',
    'atrium://agents/',
    'atrium://agents',
    'file:///etc/passwd',
    '',
    `atrium://agents/${v7()}`,
  ])('are not at %j', async (uri) => {
    await expect(owner.readResource({ uri })).rejects.toMatchObject({ code: -32_002 });
  });

  it('of another tenant are not there', async () => {
    const { agentId } = await given.agent();
    await expect(owner.readResource({ uri: `atrium://agents/${agentId}` })).rejects.toMatchObject({ code: -32_002 });
  });

  it('are not shown to whom may not see them', async () => {
    const client = await mcpClient(app.url, bearer((await keyOf(tenant, ['files:read'])).key));
    expect(await client.listResources()).toEqual({ resources: [] });
    expect(await client.listPrompts()).toEqual({ prompts: [] });
    await expect(client.readResource({ uri: `atrium://agents/${tenant.agentId}` })).rejects.toMatchObject({
      code: -32_002,
    });
  });

  it.each(['x', 'agents:x', 'templates:', 'agents', ':'])('have no page at %j', async (cursor) => {
    await expect(owner.listResources({ cursor })).rejects.toMatchObject({ code: -32_602 });
    await expect(owner.listTools({ cursor })).rejects.toMatchObject({ code: -32_602 });
  });
});

describe('Session templates', () => {
  it('are prompts', async () => {
    const { as } = await given.tenant();
    const client = await clientOf({ as });
    for (const [name, rest] of [
      ['Twice', { systemPrompt: 'The older' }],
      ['Twice', { systemPrompt: 'The newer', title: 'A title' }],
      ['Bare', {}],
    ] as const)
      await as.post('/session-templates', { name, ...rest }).expect(201);
    const { prompts } = await client.listPrompts();
    const [bare, newer, older] = prompts;
    expect([bare?.name, newer?.name, older?.title]).toEqual(['Bare', 'Twice', 'Twice']);
    expect(newer).toEqual({ name: 'Twice', title: 'Twice', description: 'A title' });
    const texts = await Promise.all(
      prompts.map(async ({ name }) => (await client.getPrompt({ name })).messages.map(({ content }) => content)),
    );
    expect(texts).toEqual(['Bare', 'The newer', 'The older'].map((text) => [{ type: 'text', text }]));
  });

  it('of another tenant are none', async () => {
    const { as } = await given.tenant();
    const answer = await as.post('/session-templates', { name: 'Theirs' }).expect(201);
    for (const name of ['Theirs', `Theirs (${answer.json<{ id: string }>().id})`, `Theirs (${v7()})`, '']) {
      await expect(owner.getPrompt({ name })).rejects.toThrow();
    }
  });
});
