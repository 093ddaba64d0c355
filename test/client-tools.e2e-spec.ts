import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { TestSocket } from './sockets.js';
import { told } from './told.js';
import { saying } from './upstream/reply.js';
import { askAndWait, calling, dataOf, toTheEnd } from './waiting-runs.js';

const OPEN_PAGE = {
  name: 'open_page',
  description: 'Shows a page of the application',
  inputSchema: { type: 'object', properties: { page: { type: 'string' } }, required: ['page'] },
};

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp({ ...manyModels(), CLIENT_TOOL_TIMEOUT_MS: '5000', PERMISSION_TTL_MS: '5000' });
  talks = new Conversations(app);
}, 60_000);
afterEach(() => app.upstream.reset());
afterAll(() => app.close());

/** A session whose application can open pages. */
async function sidekick(definition: object = {}): Promise<Talk> {
  const talk = await talks.start({ ...definition });
  const body = { agentId: talk.agentId, pattern: 'sidekick', clientTools: [OPEN_PAGE] };
  return { ...talk, sessionId: (await talk.as.post('/sessions', body).expect(201)).json<{ id: string }>().id };
}

const hidingAPromise = <T extends object>(tool: T): T => ({
  ...tool,
  inputSchema: { allOf: [{ $async: true, required: ['x'] }] },
});

const referringToNothing = <T extends object>(tool: T): T => ({
  ...tool,
  inputSchema: { properties: { page: { $ref: '#/nowhere' } } },
});

const open = (page: string): [string, object] => ['client__open_page', { page }];

describe("A tool of the session's own application", () => {
  it('is offered without being named, and its result continues the run', async () => {
    const talk = await sidekick();
    const { run, pendingToolCalls, pendingPermissions } = await askAndWait(app, talk, open('billing') as never);
    expect(talks.sent(talk.model)[0]?.tools).toMatchObject([
      { name: 'client__open_page', description: OPEN_PAGE.description, input_schema: OPEN_PAGE.inputSchema },
    ]);
    expect(pendingPermissions).toEqual([]);
    expect(pendingToolCalls).toMatchObject([{ name: 'client:open_page', input: { page: 'billing' } }]);
    const toolUseId = pendingToolCalls[0]?.toolUseId;
    const body = {
      toolUseId,
      content: [
        { type: 'text', text: 'opened ' },
        { type: 'text', text: 'billing' },
      ],
    };
    const taken = (await talk.as.post(`/runs/${run.id}/tool-results`, body).expect(200)).json();
    expect(taken).toMatchObject({ run: { id: run.id, status: 'queued' } });
    const end = await toTheEnd(talk.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(dataOf(end.events, 'client_tool.called')).toEqual([
      { toolUseId, name: 'client:open_page', input: { page: 'billing' } },
    ]);
    expect(end.results).toMatchObject([{ name: 'client:open_page', isError: false, output: 'opened \nbilling' }]);
    const types = end.types.filter((type) => /^(client|run|tool)/.test(type));
    expect(types).toEqual([
      ...['run.started', 'tool.call', 'client_tool.called', 'run.waiting', 'tool.result', 'run.resumed'],
      'run.completed',
    ]);
    await talk.as.post(`/runs/${run.id}/tool-results`, body).expect(409);
  });

  it('is answered over a socket as soon as it is called, again and again', async () => {
    const talk = await sidekick();
    const socket = await TestSocket.connect(app.url, talk.owner.accessToken);
    expect(await socket.say('session.join', { sessionId: talk.sessionId })).toMatchObject({ ok: true });
    const answered = new Set<string>();
    socket.socket.on('event', ({ type, runId, data }: { type: string; runId: string; data: { toolUseId: string } }) => {
      if (type !== 'client_tool.called') return;
      void socket.say('tool.result', { runId, toolUseId: data.toolUseId, content: `done ${data.toolUseId}` });
      answered.add(data.toolUseId);
    });
    const rounds = 8;
    for (let n = 0; n < rounds; n++) app.upstream.enqueue(calling(open(`${n}`) as never, open(`${n}b`) as never));
    app.upstream.enqueue(saying('All open'));
    const sent = await socket.say('message.send', { sessionId: talk.sessionId, content: 'Go' });
    const { run, results, message } = told(await socket.whole(String(sent['runId'])));
    expect(run.status).toBe('completed');
    expect(message?.content).toBe('All open');
    expect(answered.size).toBe(2 * rounds);
    expect(results).toHaveLength(2 * rounds);
    expect(results.every(({ toolUseId, output }) => output === `done ${toolUseId}`)).toBe(true);
    socket.close();
  });

  it("takes no result that is nobody's, and none from those who do not see the session", async () => {
    const talk = await sidekick();
    const { run, pendingToolCalls } = await askAndWait(app, talk, open('x') as never);
    const toolUseId = pendingToolCalls[0]?.toolUseId;
    const unknown = await talk.as
      .post(`/runs/${run.id}/tool-results`, { toolUseId: 'toolu_x', content: '' })
      .expect(422);
    expect(unknown.json()).toMatchObject({ validationErrors: [{ field: 'toolUseId' }] });
    for (const content of [undefined, 1, null, [{ type: 'image' }], [{}], { text: '' }])
      await talk.as.post(`/runs/${run.id}/tool-results`, { toolUseId, content }).expect(422);
    const member = await talks.given.member(talk, 'member');
    const stranger = await talks.given.tenant();
    for (const { as } of [member, stranger])
      await as.post(`/runs/${run.id}/tool-results`, { toolUseId, content: 'mine' }).expect(404);
    const failed = { toolUseId, content: 'no such page', isError: true };
    await talk.as.post(`/runs/${run.id}/tool-results`, failed).expect(200);
    expect((await toTheEnd(talk.as, run.id)).results).toMatchObject([{ isError: true, output: 'no such page' }]);
  });

  it('that does not answer in time is given up, and the run goes on', async () => {
    const talk = await sidekick();
    const { run, pendingToolCalls } = await askAndWait(app, talk, open('slow') as never);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(end.results).toMatchObject([{ isError: true, output: 'client:open_page was not answered in time' }]);
    const late = { toolUseId: pendingToolCalls[0]?.toolUseId, content: 'late' };
    await talk.as.post(`/runs/${run.id}/tool-results`, late).expect(409);
  });

  it('may be forbidden by a rule, and has to fit its schema', async () => {
    const rules = [{ tool: 'client:*', arguments: { '$.page': 'admin*' }, action: 'deny' }];
    const talk = await sidekick({ permissionPolicy: { rules } });
    const { results } = await talks.ask(talk, [
      calling(open('admin/users') as never, ['client__open_page', { side: 'left' }]),
      saying('So'),
    ]);
    expect(results.map(({ output }) => output).sort()).toEqual([
      "The input does not fit the tool's schema: input must have required property 'page'",
      'The tool client:open_page is not permitted here',
    ]);
  });
});

describe('The schema of a client tool', () => {
  it.each<[string, object, string]>([
    ['of a list', [{ ...OPEN_PAGE, inputSchema: { type: 'array' } }], 'clientTools[0].inputSchema'],
    ['that answers later', [{ ...OPEN_PAGE, inputSchema: { $async: true } }], 'clientTools[0].inputSchema'],
    ['that is very long', [{ ...OPEN_PAGE, inputSchema: { a: 'x'.repeat(70_000) } }], 'clientTools[0].inputSchema'],
    ['that hides a promise', [hidingAPromise(OPEN_PAGE)], 'clientTools[0].inputSchema'],
    [
      'that refers to nothing',
      [{ ...OPEN_PAGE, name: 'other' }, referringToNothing(OPEN_PAGE)],
      'clientTools[1].inputSchema',
    ],
    ['of two of one name', [OPEN_PAGE, OPEN_PAGE], 'clientTools'],
  ])('%s is refused', async (_what, clientTools, field) => {
    const { as } = await talks.given.tenant();
    const refused = await as.post('/sessions', { clientTools }).expect(422);
    expect(refused.json()).toMatchObject({ validationErrors: [{ field }] });
  });

  it('is refused in a template and in a batch as well', async () => {
    const { as } = await talks.given.tenant();
    const clientTools = [referringToNothing(OPEN_PAGE)];
    const batch = await as.post('/sessions/bulk-create', [{}, { clientTools }]).expect(422);
    expect(batch.json()).toMatchObject({ validationErrors: [{ field: '[1].clientTools[0].inputSchema' }] });
    const template = await as.post('/session-templates', { name: 'T', clientTools }).expect(422);
    expect(template.json()).toMatchObject({ validationErrors: [{ field: 'clientTools[0].inputSchema' }] });
  });

  it.each<[string, object, object]>([
    [
      'takes for ever',
      { properties: { page: { type: 'string', pattern: '^(a+)+$' } } },
      { page: `${'a'.repeat(60)}!` },
    ],
    [
      'faults every part of an input many times',
      { properties: { page: { items: { required: Array.from({ length: 900 }, (_, index) => `a${index}`) } } } },
      { page: Array.from({ length: 20_000 }, () => ({})) },
    ],
  ])('that %s is an error to the model, and to nobody else', async (_what, inputSchema, input) => {
    const talk = await talks.start();
    const body = { agentId: talk.agentId, clientTools: [{ ...OPEN_PAGE, inputSchema }] };
    const { id: sessionId } = (await talk.as.post('/sessions', body).expect(201)).json<{ id: string }>();
    const turn = calling(['client__open_page', input as Record<string, unknown>]);
    const asking = talks.ask({ ...talk, sessionId }, [turn, saying('So')]);
    const others = await talks.given.tenant();
    await others.as.get('/tenant').expect(200);
    const { run, results } = await asking;
    expect(run.status).toBe('completed');
    expect(results[0]?.output).toMatch(/takes more (time|memory) than it may/);
  });
});

describe('A permission that nobody gives in time', () => {
  it('expires, and the run goes on without the call', async () => {
    const talk = await talks.start({
      tools: ['calculator:*'],
      permissionPolicy: { rules: [{ tool: '*', action: 'ask' }] },
    });
    const { run, pendingPermissions } = await askAndWait(app, talk, ['calculator__add', { a: 1, b: 2 }]);
    const [asked] = pendingPermissions;
    expect(Date.parse(asked?.expiresAt ?? '') - Date.parse(asked?.createdAt ?? '')).toBeGreaterThan(0);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.results).toMatchObject([{ isError: true, output: 'Nobody permitted calculator:add in time' }]);
    const permission = (await talk.as.get(`/permissions/${asked?.id}`)).json();
    expect(permission).toMatchObject({ status: 'expired', decidedBy: null });
    await talk.as.post(`/permissions/${asked?.id}`, { decision: 'allow' }).expect(409);
    const [execution] = (await talk.as.get(`/mcp/executions?runId=${run.id}`)).json<{ data: object[] }>().data;
    expect(execution).toMatchObject({ decision: 'deny', decidedBy: 'expiry' });
  });

  it('is decided over a socket', async () => {
    const talk = await talks.start({
      tools: ['calculator:*'],
      permissionPolicy: { rules: [{ tool: '*', action: 'ask' }] },
    });
    const socket = await TestSocket.connect(app.url, talk.owner.accessToken);
    await socket.say('session.join', { sessionId: talk.sessionId });
    app.upstream.enqueue(calling(['calculator__add', { a: 1, b: 2 }]), saying('So'));
    const sent = await socket.say('message.send', { sessionId: talk.sessionId, content: 'Go' });
    const runId = String(sent['runId']);
    const asked = await eventually(
      () => dataOf<{ permission: { id: string } }>(socket.of(runId), 'permission.requested')[0],
      (found) => found !== undefined,
    );
    const decided = await socket.say('permission.decide', { permissionId: asked?.permission.id, decision: 'allow' });
    expect(decided).toMatchObject({ ok: true, permission: { status: 'allowed' } });
    expect(told(await socket.whole(runId)).results).toMatchObject([{ output: '3' }]);
    socket.close();
  });
});
