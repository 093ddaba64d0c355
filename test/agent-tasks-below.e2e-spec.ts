import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { PermissionDto } from '../src/modules/sessions/permissions/permissions.dto.js';
import { SessionsRepository } from '../src/modules/sessions/sessions.repository.js';
import { ask, send, sendInBackground, startTeam, tasksOf } from './agent-teams.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { ProbeTools } from './probe-tools.js';
import { eventually } from './platform-fixtures.js';
import { eventsOf } from './sse.js';
import type { MessagesRequest } from './upstream/messages-api.js';
import { lastUserText } from './upstream/messages-api.js';
import { saying, type Reply } from './upstream/reply.js';
import { calling, toTheEnd } from './waiting-runs.js';
import { listedPaths, putFile, tenantSql } from './working-files.js';

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

const ASKING = { tools: ['probe:*'], permissionPolicy: { default: 'ask' } };
const say = (words: string) => calling(['probe__say', { words }]);

describe('Whoever looks on at the top', () => {
  it('is shown all that is asked two below, and what was said to it, while one of them waits', async () => {
    const talk = await startTeam(talks, ['agent:Mid'], { Mid: { tools: ['agent:*'] }, One: ASKING, Two: ASKING });
    script.set('Plan', [calling(ask('Mid', 'Split')), saying('All done')]);
    script.set('Split', [calling(ask('One', 'one?'), ask('Two', 'two?')), saying('Both done')]);
    script.set('one?', [say('first'), saying('1')]);
    script.set('two?', [{ ...say('second'), delayMs: 700 }, saying('2')]);
    const { run } = await sendInBackground(talk, 'Plan');
    const seen: [type: string, words: unknown][] = [];
    for await (const { type, data } of eventsOf(await talk.as.fetch('GET', `/runs/${run.id}/events`))) {
      if (!type.startsWith('permission.')) continue;
      const { permission } = data as { permission: PermissionDto };
      seen.push([type, permission.input['words']]);
      // Each is answered when the one before is shown to be: the last word is said when all else is seen.
      if (seen.length < 2 || seen.length > 3) continue;
      const pending = (await talk.as.get('/permissions?status=pending').expect(200)).json<{ data: PermissionDto[] }>();
      const next = pending.data.find(({ input }) => input['words'] === (seen.length === 2 ? 'first' : 'second'));
      await talk.as.post(`/permissions/${next?.id}`, { decision: 'allow' }).expect(200);
    }
    expect(seen).toEqual([
      ...[
        ['permission.requested', 'first'],
        ['permission.requested', 'second'],
      ],
      ...[
        ['permission.decided', 'first'],
        ['permission.decided', 'second'],
      ],
    ]);
  });
});

describe('A pause of one who waits for an agent that asks', () => {
  it('is withdrawn to what the agent does by then', async () => {
    const policy = { default: 'ask', rules: [{ tool: 'probe:meet', action: 'allow' }] };
    const talk = await startTeam(talks, ['agent:Helper'], { Helper: { ...ASKING, permissionPolicy: policy } });
    script.set('Plan', [calling(ask('Helper', 'Say it')), saying('Done')]);
    const atWork = calling(['probe__meet', { me: 'helper', other: 'tester' }]);
    script.set('Say it', [say('it'), atWork, saying('Said')]);
    const { run, pendingPermissions } = await send(talk, 'Plan', 202);
    const path = `/sessions/${talk.sessionId}`;
    await talk.as.post(`${path}/pause`).expect(200);
    await talk.as.post(`/permissions/${pendingPermissions[0]?.id}`, { decision: 'allow' }).expect(200);
    await eventually(
      () => probes.count('meet'),
      (count) => count === 1,
    );
    expect((await talk.as.get(`/runs/${run.id}`)).json()).toMatchObject({ status: 'waiting' });
    expect((await talk.as.post(`${path}/resume`).expect(200)).json()).toMatchObject({ status: 'processing' });
    expect((await talk.as.get(`/runs/${run.id}`)).json()).toMatchObject({ status: 'running' });
    await probes.call('meet', { me: 'tester', other: 'helper' }, new AbortController().signal);
    const { message, types } = await toTheEnd(talk.as, run.id);
    expect(message?.content).toBe('Done');
    expect(types.filter((type) => type === 'run.waiting' || type === 'run.resumed')).toEqual([
      'run.waiting',
      'run.resumed',
    ]);
  });
});

describe('The session of an agent that was asked', () => {
  interface Files {
    place: string;
    wanted: string;
    isDue: boolean;
  }

  /** Asked and done, with a file in its working directory. */
  async function delegated(): Promise<{ talk: Talk; below: string; files: () => Promise<Files | undefined> }> {
    const talk = await startTeam(talks, ['agent:Helper'], { Helper: {} });
    script.set('Plan', [calling(ask('Helper', 'Sum up')), saying('Done')]);
    script.set('Sum up', [saying('In short')]);
    const { run } = await send(talk, 'Plan');
    const below = (await tasksOf(talk, run.id))[0]?.sessionId ?? '';
    expect((await putFile(talk.as, below, 'a.txt', 'a')).status).toBe(201);
    const text = `SELECT place, wanted, due_at IS NOT NULL AS "isDue" FROM workspaces
      WHERE tenant_id = :tenantId AND session_id = :session`;
    const files = async () => (await tenantSql<Files>(app, talk.tenantId, below, text))[0];
    return { talk, below, files };
  }

  it('is seen by no more than may see that one, also when that changes as it begins', async () => {
    const talk = await startTeam(talks, ['agent:Helper'], { Helper: {} });
    const path = `/sessions/${talk.sessionId}`;
    await talk.as.patch(path, { visibility: 'tenant' }).expect(200);
    script.set('Plan', [calling(ask('Helper', 'Sum up')), saying('Done')]);
    script.set('Sum up', [saying('In short')]);
    const sessions = app.nest.get(SessionsRepository);
    let hiding: Promise<unknown> | undefined;
    const find = jest.spyOn(sessions, 'find').mockImplementationOnce(async (id) => {
      const parent = await SessionsRepository.prototype.find.call(sessions, id);
      hiding = Promise.resolve(talk.as.patch(path, { visibility: 'private' }).expect(200));
      // It has to wait for the open transaction, or is through by then.
      await Promise.race([hiding, new Promise((resolve) => setTimeout(resolve, 500))]);
      return parent;
    });
    const { run } = await send(talk, 'Plan');
    find.mockRestore();
    await hiding;
    const [task] = await tasksOf(talk, run.id);
    expect((await talk.as.get(`/sessions/${task?.sessionId}`)).json()).toMatchObject({ visibility: 'private' });
  });

  it('has its files archived and brought back with the one it is below', async () => {
    const { talk, below, files } = await delegated();
    await talk.as.post(`/sessions/${talk.sessionId}/archive`).expect(200);
    await eventually(files, (now) => now?.place === 'archive');
    expect((await putFile(talk.as, below, 'b.txt', 'b')).status).toBe(409);
    expect(await listedPaths(talk.as, below)).toEqual(['a.txt']);
    await talk.as.post(`/sessions/${talk.sessionId}/resume`).expect(200);
    await eventually(files, (now) => now?.wanted === 'folder');
    expect((await putFile(talk.as, below, 'b.txt', 'b')).status).toBe(201);
    expect(await listedPaths(talk.as, below)).toEqual(['a.txt', 'b.txt']);
  });

  it.each(['alone', 'with others'])('goes with that one, deleted %s, and so do its files', async (how) => {
    const { talk, below, files } = await delegated();
    if (how === 'alone') await talk.as.delete(`/sessions/${talk.sessionId}`).expect(204);
    else await talk.as.post('/sessions/bulk-delete', { ids: [talk.sessionId] }).expect(204);
    await talk.as.get(`/sessions/${below}`).expect(404);
    expect(await eventually(files, (now) => now?.wanted === 'nothing')).toMatchObject({ isDue: true });
    const events = (await talk.as.get('/audit-logs?action=session.deleted').expect(200)).json<{
      data: { resourceId: string }[];
    }>();
    expect(events.data.map(({ resourceId }) => resourceId).sort()).toEqual([talk.sessionId, below].sort());
  });
});
