import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { AgentTaskDto } from '../src/modules/sessions/agent-tasks/agent-tasks.dto.js';
import type { PermissionDto } from '../src/modules/sessions/permissions/permissions.dto.js';
import type { RunDto } from '../src/modules/sessions/runs/runs.dto.js';
import { EndedTasksSweeper } from '../src/modules/sessions/agent-tasks/ended-tasks.sweeper.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { ask, send, sendInBackground, startTeam, tasksOf } from './agent-teams.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { ProbeTools } from './probe-tools.js';
import type { Told } from './told.js';
import type { MessagesRequest } from './upstream/messages-api.js';
import { lastUserText } from './upstream/messages-api.js';
import { saying, type Reply } from './upstream/reply.js';
import { calling, toTheEnd } from './waiting-runs.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;
/** What the model answers to whoever says this last. */
const script = new Map<string, Reply[]>();

beforeAll(async () => {
  app = await startApp(manyModels());
  probes = new ProbeTools(app);
  talks = new Conversations(app);
  app.upstream.respond = (request: MessagesRequest) =>
    script.get(lastUserText(request))?.shift() ?? saying(`No script for ${lastUserText(request)}`);
}, 60_000);
afterEach(() => script.clear());
afterAll(() => app.close());

const team = (tools: string[], others: Record<string, object>, more: object = {}): Promise<Talk> =>
  startTeam(talks, tools, others, more);

async function ended(talk: Talk, content: string): Promise<Told> {
  return toTheEnd(talk.as, (await send(talk, content)).run.id);
}

describe('An agent that is a tool of another', () => {
  it('answers in a session and a run of its own, and is on record', async () => {
    const talk = await team(['agent:Helper'], { Helper: { systemPrompt: 'You help.' } });
    script.set('Plan', [calling(ask('Helper', 'Sum up')), saying('Done')]);
    script.set('Sum up', [saying('In short')]);
    const { run, results, message, types } = await ended(talk, 'Plan');
    expect(run.status).toBe('completed');
    expect(message?.content).toBe('Done');
    expect(results).toMatchObject([{ name: 'agent:Helper', isError: false, output: 'In short' }]);
    expect(types).not.toContain('run.waiting');
    const [task] = await tasksOf(talk, run.id);
    expect(task).toMatchObject({
      ...{ fromAgentId: talk.agentId, parentRunId: run.id, parentSessionId: talk.sessionId, status: 'completed' },
      ...{ message: 'Sum up', output: 'In short', error: null },
    });
    const session = (await talk.as.get(`/sessions/${task?.sessionId}`).expect(200)).json();
    expect(session).toMatchObject({
      ...{ agentId: task?.toAgentId, pattern: 'delegation', visibility: 'private', createdBy: talk.owner.userId },
      ...{ parentRunId: run.id, rootSessionId: talk.sessionId, messageCount: 2, status: 'active' },
    });
    const said = (await talk.as.get(`/agent-messages?taskId=${task?.id}`).expect(200)).json<{ data: object[] }>().data;
    expect(said).toMatchObject([
      { type: 'reply', fromAgentId: task?.toAgentId, toAgentId: talk.agentId, content: 'In short', isError: false },
      { type: 'request', fromAgentId: talk.agentId, toAgentId: task?.toAgentId, content: 'Sum up' },
    ]);
  });

  it('is asked beside others, and all are waited for', async () => {
    const talk = await team(['agent:*'], { Left: {}, Right: {} });
    script.set('Both', [calling(ask('Left', 'left?'), ask('Right', 'right?'), ask('Left', 'again?')), saying('So')]);
    script.set('left?', [saying('L')]);
    script.set('right?', [{ steps: [{ pauseMs: 300 }, { text: ['R'] }] }]);
    script.set('again?', [saying('L2')]);
    const { run, message } = await ended(talk, 'Both');
    expect(run.error).toBeNull();
    expect(message?.toolCalls.map(({ output }) => output)).toEqual(['L', 'R', 'L2']);
    expect(await tasksOf(talk, run.id)).toHaveLength(3);
  });

  it('that fails is an error to the one who asked', async () => {
    const talk = await team(['agent:Helper'], {
      Helper: { resourceLimits: { maxTurns: 1 }, tools: ['calculator:add'] },
    });
    script.set('Plan', [calling(ask('Helper', 'Count')), saying('Anyway')]);
    script.set('Count', [calling(['calculator__add', { a: 1, b: 2 }])]);
    const { results, message } = await ended(talk, 'Plan');
    expect(results).toMatchObject([
      { isError: true, output: 'The agent failed: The run reached its limit of 1 model calls' },
    ]);
    expect(message?.content).toBe('Anyway');
  });

  it('takes of the time that the one who asked may take', async () => {
    const limits = { resourceLimits: { maxExecutionTimeMs: 6_000 } };
    const talk = await team(['agent:Helper'], { Helper: {} }, limits);
    script.set('Plan', [calling(ask('Helper', 'First')), calling(ask('Helper', 'Then')), saying('End')]);
    for (const question of ['First', 'Then']) script.set(question, [{ ...saying('Thought'), delayMs: 4_000 }]);
    const { run } = await ended(talk, 'Plan');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_execution_time_exceeded' } });
    const [then, first] = await tasksOf(talk, run.id);
    const [one, two] = await Promise.all(
      [first, then].map(async (task) => (await talk.as.get(`/runs/${task?.runId}`).expect(200)).json<RunDto>()),
    );
    expect(one).toMatchObject({ status: 'completed' });
    expect(two).toMatchObject({ status: 'failed', error: { code: 'max_execution_time_exceeded' } });
  });

  it('can not ask those who have asked it, nor go deeper than five', async () => {
    const chain = Object.fromEntries(
      ['Two', 'Three', 'Four', 'Five', 'Six'].map((name) => [name, { tools: ['agent:*'] }]),
    );
    const talk = await team(['agent:*'], chain);
    script.set('one', [calling(ask('Two', 'two')), saying('1')]);
    script.set('two', [calling(ask('Three', 'three'), ask('Chief', 'round')), saying('2')]);
    script.set('three', [calling(ask('Four', 'four')), saying('3')]);
    script.set('four', [calling(ask('Five', 'five')), saying('4')]);
    script.set('five', [calling(ask('Six', 'six')), saying('5')]);
    const { run } = await ended(talk, 'one');
    expect(run.status).toBe('completed');
    const told = app.upstream.requests.map(({ body }) => JSON.stringify(body.messages.at(-1)?.content)).join('\n');
    expect(told).toContain('it can not be asked by those it has asked itself');
    expect(told).toContain('Agents can be asked by agents 5 deep at most');
    const all = (await talk.as.get('/agent-tasks').expect(200)).json<{ data: AgentTaskDto[] }>().data;
    expect(all).toHaveLength(4);
  });

  it('stays within what the one who asked may still take', async () => {
    const talk = await team(
      ['agent:Helper'],
      { Helper: { resourceLimits: { maxTokens: 1_000_000 } } },
      {
        resourceLimits: { maxTokens: 6_000 },
      },
    );
    const usage = { inputTokens: 2_000, outputTokens: 10 };
    script.set('Plan', [{ ...calling(ask('Helper', 'Think')), usage }, saying('End')]);
    script.set('Think', [{ ...saying('Thought'), usage: { inputTokens: 3_900, outputTokens: 10 } }]);
    const { run } = await ended(talk, 'Plan');
    const [task] = await tasksOf(talk, run.id);
    const child = (await talk.as.get(`/runs/${task?.runId}`).expect(200)).json<RunDto>();
    expect(child.usage.inputTokens).toBe(3_900);
    // What the helper took leaves too little for another call; it is not added to the run's own usage.
    expect(run).toMatchObject({ status: 'failed', error: { code: 'max_tokens_exceeded' } });
    expect(run.usage.inputTokens).toBe(2_000);
  });
});

describe('A person who is asked by an agent below', () => {
  const asking = { Helper: { tools: ['probe:*'], permissionPolicy: { default: 'ask' } } };

  it('sees it in the session they spoke in, and the whole goes on with their word', async () => {
    const talk = await team(['agent:Helper'], asking);
    script.set('Plan', [calling(ask('Helper', 'Say it')), saying('Said')]);
    script.set('Say it', [calling(['probe__say', { words: 'from below' }]), saying('Spoken')]);
    const { run, pendingPermissions } = await send(talk, 'Plan', 202);
    expect(run.status).toBe('waiting');
    const [asked] = pendingPermissions;
    const [task] = await tasksOf(talk, run.id);
    expect(asked).toMatchObject({
      ...{ tool: 'probe:say', sessionId: task?.sessionId, rootSessionId: talk.sessionId, runId: task?.runId },
    });
    expect((await talk.as.get(`/sessions/${talk.sessionId}`)).json()).toMatchObject({ status: 'waiting' });
    const listed = (await talk.as.get(`/permissions?status=pending&sessionId=${talk.sessionId}`)).json();
    expect(listed).toMatchObject({ data: [{ id: asked?.id }] });
    await talk.as.post(`/permissions/${asked?.id}`, { decision: 'allow' }).expect(200);
    const end = await toTheEnd(talk.as, run.id);
    expect(end.run.status).toBe('completed');
    expect(end.message?.content).toBe('Said');
    expect(end.results).toMatchObject([{ output: 'Spoken' }]);
    expect(probes.count('say', 'from below')).toBe(1);
    const turns = end.types.filter((type) => /^(run|permission)\./.test(type));
    expect(turns).toEqual([
      ...['run.started', 'permission.requested', 'run.waiting', 'permission.decided', 'run.resumed', 'run.completed'],
    ]);
    expect((await talk.as.get(`/sessions/${talk.sessionId}`)).json()).toMatchObject({ status: 'active' });
  });

  it('is asked all that is to be asked before the whole waits', async () => {
    const rules = [{ tool: 'probe:*', action: 'ask' }];
    const own = { permissionPolicy: { default: 'allow', rules } };
    const talk = await team(['agent:Helper', 'probe:*'], asking, own);
    script.set('Both', [calling(['probe__say', { words: 'above' }], ask('Helper', 'Slowly')), saying('Said')]);
    script.set('Slowly', [{ ...calling(['probe__say', { words: 'below' }]), delayMs: 700 }, saying('Spoken')]);
    const { run, pendingPermissions } = await send(talk, 'Both', 202);
    expect([run.status, pendingPermissions.map(({ tool }) => tool)]).toEqual(['waiting', ['probe:say', 'probe:say']]);
    for (const { id } of pendingPermissions)
      await talk.as.post(`/permissions/${id}`, { decision: 'allow' }).expect(200);
    const end = await toTheEnd(talk.as, run.id);
    expect([end.run.status, probes.count('say', 'above'), probes.count('say', 'below')]).toEqual(['completed', 1, 1]);
    const types = end.types.filter((type) => /^(run|permission)\./.test(type));
    expect(types.slice(0, 4)).toEqual(['run.started', 'permission.requested', 'permission.requested', 'run.waiting']);
  });

  it('is not asked again in that session once they have said so', async () => {
    const talk = await team(['agent:Helper'], asking);
    for (const n of [1, 2]) {
      script.set(`Plan ${n}`, [calling(ask('Helper', `Say ${n}`)), saying('Said')]);
      script.set(`Say ${n}`, [calling(['probe__say', { words: `remembered ${n}` }]), saying('Spoken')]);
    }
    const { run, pendingPermissions } = await send(talk, 'Plan 1', 202);
    const body = { decision: 'allow', remember: 'session' };
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, body).expect(200);
    await toTheEnd(talk.as, run.id);
    expect((await ended(talk, 'Plan 2')).run.status).toBe('completed');
    expect(probes.count('say', 'remembered 2')).toBe(1);
  });

  it('is not asked any more when the whole is cancelled', async () => {
    const talk = await team(['agent:Helper'], asking);
    script.set('Plan', [calling(ask('Helper', 'Say it'))]);
    script.set('Say it', [calling(['probe__say', { words: 'never' }])]);
    const { run, pendingPermissions } = await send(talk, 'Plan', 202);
    const cancelled = (await talk.as.post(`/runs/${run.id}/cancel`).expect(200)).json();
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    const [task] = await tasksOf(talk, run.id);
    const child = await eventually(
      async () => (await talk.as.get(`/runs/${task?.runId}`)).json<RunDto>().status,
      (status) => status === 'cancelled',
    );
    expect(child).toBe('cancelled');
    const permission = (await talk.as.get(`/permissions/${pendingPermissions[0]?.id}`)).json<PermissionDto>();
    expect(permission.status).toBe('cancelled');
    expect(probes.count('say', 'never')).toBe(0);
  });
});

describe('An end that nobody was told of', () => {
  it('is found, also when the session of it is gone', async () => {
    const talk = await team(['agent:Helper'], { Helper: {} });
    script.set('Plan', [calling(ask('Helper', 'Hang')), saying('Anyway')]);
    script.set('Hang', [{ silent: true }]);
    const { run } = await sendInBackground(talk, 'Plan');
    const [task] = await eventually(
      () => tasksOf(talk, run.id),
      (tasks) => tasks[0]?.status === 'running',
    );
    // As a process leaves it that dies between the end and its telling.
    await runAs(Actor.job(talk.tenantId), () =>
      app.nest.get(Db).run(async () => {
        const db = app.nest.get(Db);
        await db.sql(
          `UPDATE runs SET status = 'failed', error = '{"code": "gone", "message": "it is gone"}', lease_until = NULL,
             fence = fence + 1, finished_at = now() - interval '1 minute' WHERE tenant_id = :tenantId AND id = :id`,
          { id: task?.runId },
        );
        await db.sql('UPDATE sessions SET deleted_at = now() WHERE tenant_id = :tenantId AND id = :id', {
          id: task?.sessionId,
        });
      }),
    );
    await app.nest.get(EndedTasksSweeper).sweep();
    const end = await toTheEnd(talk.as, run.id);
    expect(end.results).toMatchObject([{ isError: true, output: 'The agent failed: it is gone' }]);
    expect(end.message?.content).toBe('Anyway');
  });
});

describe('A session below another', () => {
  it('is seen by those who see that one, and goes with it', async () => {
    const talk = await team(['agent:Helper'], { Helper: {} });
    script.set('Plan', [calling(ask('Helper', 'Sum up')), saying('Done')]);
    script.set('Sum up', [saying('In short')]);
    const { run } = await ended(talk, 'Plan');
    const [task] = await tasksOf(talk, run.id);
    const member = await talks.given.member(talk, 'member');
    const stranger = await talks.given.tenant();
    const sees = async (status: number) => {
      await member.as.get(`/sessions/${task?.sessionId}`).expect(status);
      await member.as.get(`/agent-tasks/${task?.id}`).expect(status);
    };
    await sees(404);
    await stranger.as.get(`/agent-tasks/${task?.id}`).expect(404);
    expect((await stranger.as.get('/agent-messages')).json()).toMatchObject({ data: [] });
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    await sees(200);
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'private' }).expect(200);
    await sees(404);
    await talk.as.delete(`/sessions/${talk.sessionId}`).expect(204);
    await talk.as.get(`/sessions/${task?.sessionId}`).expect(404);
  });
});
