import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { SessionDto } from '../src/modules/sessions/sessions.dto.js';
import { JobQueue } from '../src/platform/jobs/job-queue.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { TestSocket } from './sockets.js';
import { allEvents } from './sse.js';
import { told } from './told.js';
import { messagesOf, saidIn, shownTo } from './transcript.js';
import { blocksOf, lastUserText } from './upstream/messages-api.js';
import { failing, saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp(manyModels());
  app.upstream.respond = (request) => {
    const words = lastUserText(request).split('\n').at(-1) ?? '';
    const last = request.messages.at(-1);
    const isFirst = last !== undefined && blocksOf(last).every(({ type }) => type === 'text');
    if (words === 'Fail') return failing(400);
    if (words !== 'Hold' || !isFirst) return saying(`To ${words}`);
    const input = { me: `me of ${request.model}`, other: `friend of ${request.model}` };
    return { steps: [{ text: 'Let me see.' }, { toolUse: { name: 'probe__meet', input } }] };
  };
  probes = new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

type Busy = Talk & { runId: string; letGo: () => Promise<unknown> };

/** A session whose run goes no further than its first tool until it is let go. */
async function busy(): Promise<Busy> {
  const talk = await talks.start(PROBES);
  const before = probes.count('meet');
  const runId = (await send(talk, 'Hold')).id;
  await eventually(
    () => probes.count('meet'),
    (count) => count > before,
  );
  const [me, other] = [`friend of ${talk.model}`, `me of ${talk.model}`];
  return { ...talk, runId, letGo: () => probes.call('meet', { me, other }, new AbortController().signal) };
}

async function send(talk: Talk, content: string, onBusy?: string): Promise<Sent['run']> {
  const body = { content, background: true, onBusy };
  return (await talk.as.post(`/sessions/${talk.sessionId}/messages`, body).expect(202)).json<Sent>().run;
}

const sessionOf = async ({ as, sessionId }: Talk) =>
  (await as.get(`/sessions/${sessionId}`).expect(200)).json<SessionDto>();
const statusOf = async (talk: Talk) => (await sessionOf(talk)).status;
const runOf = async ({ as }: Talk, id: string) => (await as.get(`/runs/${id}`).expect(200)).json<Sent['run']>();
const toldOf = async ({ as }: Talk, id: string) => told(await allEvents(await as.fetch('GET', `/runs/${id}/events`)));
const put = (talk: Talk, verb: string) => talk.as.post(`/sessions/${talk.sessionId}/${verb}`);
const isFree = (talk: Talk) =>
  eventually(
    () => statusOf(talk),
    (status) => status === 'active',
  );
const lastShown = (talk: Talk) => shownTo(talks.sent(talk.model).at(-1));
/** What is left of the first round in what a model is shown. */
const HELD = ['Hold', 'Let me see. | <tool_use>', '<tool_result>', '\n\nTo Hold'];

describe('A message that is queued', () => {
  it('is stored and shown at once, and answered when the run before it has ended', async () => {
    const talk = await busy();
    const run = await send(talk, 'Second', 'queue');
    expect(run).toMatchObject({ status: 'queued', attempts: 0, lastSeq: 2 });
    expect(await sessionOf(talk)).toMatchObject({ status: 'processing', messageCount: 2 });
    expect(await saidIn(talk)).toEqual(['Hold', 'Second']);
    const stream = await talk.as.fetch('GET', `/runs/${run.id}/events`);
    await talk.letGo();
    const { types, message, run: ended } = told(await allEvents(stream));
    expect(types).toEqual([
      'run.started',
      'message.created',
      'message.started',
      'message.delta',
      'message.completed',
      'run.completed',
    ]);
    expect([ended.attempts, message?.content]).toEqual([1, 'To Second']);
    await isFree(talk);
    expect(await saidIn(talk)).toEqual(['Hold', 'Let me see.\n\nTo Hold', 'Second', 'To Second']);
    expect(lastShown(talk)).toEqual([...HELD, 'Second']);
  });

  it('is answered at once where no run is on', async () => {
    const talk = await talks.start(PROBES);
    for (const onBusy of ['queue', 'interrupt']) {
      const { message } = (
        await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: onBusy, onBusy }).expect(201)
      ).json<Sent>();
      expect(message?.content).toBe(`To ${onBusy}`);
    }
  });

  it('is one of ten, sent at once, answered one by one in the order in which they came', async () => {
    const talk = await busy();
    const contents = Array.from({ length: 10 }, (_, n) => `Message ${n}`);
    const path = `/sessions/${talk.sessionId}/messages`;
    const waiting = contents.map((content) => Promise.resolve(talk.as.post(path, { content, onBusy: 'queue' })));
    const queued = await eventually(
      () => saidIn(talk),
      ({ length }) => length === 11,
    );
    await talk.letGo();
    for (const [n, answer] of (await Promise.all(waiting)).entries()) {
      expect([answer.status, answer.json<Sent>().message?.content]).toEqual([201, `To ${contents[n]}`]);
    }
    const inTurn = queued.slice(1).flatMap((content) => [content, `To ${content}`]);
    expect(await saidIn(talk)).toEqual(['Hold', 'Let me see.\n\nTo Hold', ...inTurn]);
    expect(lastShown(talk)).toEqual([...HELD, ...inTurn.slice(0, -1)]);
    expect(await sessionOf(talk)).toMatchObject({ status: 'active', messageCount: 22 });
    const runs = (await talk.as.get(`/sessions/${talk.sessionId}/runs?limit=100`)).json<{ data: Sent['run'][] }>().data;
    const spans = runs.map(({ startedAt, finishedAt }) => [startedAt, finishedAt]).reverse();
    expect(spans.flat()).toEqual(spans.flat().sort());
  });

  it('is read page by page without a gap, though it moves', async () => {
    const talk = await busy();
    for (const content of ['Second', 'Third']) await send(talk, content, 'queue');
    const path = `/sessions/${talk.sessionId}/messages?limit=2`;
    const first = (await talk.as.get(path)).json<{ data: { id: string }[]; nextCursor: string }>();
    await talk.letGo();
    await isFree(talk);
    const ids = first.data.map(({ id }) => id);
    for (let cursor: string | null = first.nextCursor; cursor;) {
      const page: typeof first = (await talk.as.get(`${path}&cursor=${cursor}`).expect(200)).json();
      ids.push(...page.data.map(({ id }) => id));
      cursor = page.nextCursor;
    }
    expect([...new Set(ids)].sort()).toEqual((await messagesOf(talk)).map(({ id }) => id).sort());
  });

  it('goes on after a run that failed', async () => {
    const talk = await busy();
    const failed = await send(talk, 'Fail', 'queue');
    const last = await send(talk, 'Last', 'queue');
    await talk.letGo();
    expect((await toldOf(talk, failed.id)).run).toMatchObject({ status: 'failed' });
    expect((await toldOf(talk, last.id)).message?.content).toBe('To Last');
    expect(await saidIn(talk)).toEqual(['Hold', 'Let me see.\n\nTo Hold', 'Fail', 'Last', 'To Last']);
    expect(await statusOf(talk)).toBe('active');
  });

  it('is started by the sweeper when its ring is lost', async () => {
    const talk = await busy();
    const run = await send(talk, 'Second', 'queue');
    const ring = jest.spyOn(app.nest.get(JobQueue), 'ring').mockImplementationOnce(() => undefined);
    await talk.letGo();
    expect((await toldOf(talk, run.id)).message?.content).toBe('To Second');
    expect(ring.mock.calls.length).toBeGreaterThan(1);
    ring.mockRestore();
  });

  it('counts as a run that is on for all that needs none', async () => {
    const talk = await busy();
    await send(talk, 'Second', 'queue');
    await put(talk, 'pause').expect(200);
    await talk.letGo();
    await eventually(
      () => runOf(talk, talk.runId),
      ({ status }) => status === 'waiting',
    );
    await talk.as.post(`/runs/${talk.runId}/cancel`).expect(200);
    const [, answer] = await messagesOf(talk);
    const refused = [
      put(talk, 'complete'),
      put(talk, 'archive'),
      talk.as.delete(`/sessions/${talk.sessionId}`),
      talk.as.delete(`/messages/${answer!.id}`),
    ];
    for (const answered of refused)
      expect((await answered.expect(409)).json()).toMatchObject({ code: 'run_in_progress' });
    const closed = await talk.as
      .post(`/sessions/${talk.sessionId}/messages`, { content: 'x', onBusy: 'queue' })
      .expect(409);
    expect(closed.json()).toMatchObject({ code: 'conflict' });
    await put(talk, 'resume').expect(200);
    await isFree(talk);
    expect((await saidIn(talk)).slice(-2)).toEqual(['Second', 'To Second']);
  });

  it('is one of a hundred at most', async () => {
    const talk = await busy();
    for (let n = 1; n < 100; n++) await send(talk, `Message ${n}`, 'queue');
    const full = await talk.as
      .post(`/sessions/${talk.sessionId}/messages`, { content: 'x', onBusy: 'queue' })
      .expect(409);
    expect(full.json()).toMatchObject({ code: 'run_in_progress' });
    expect((await put(talk, 'interrupt').expect(200)).json()).toMatchObject({ status: 'active', messageCount: 101 });
    expect(talks.sent(talk.model)).toHaveLength(1);
  });

  it('can be queued over a socket, and who looks sees it all', async () => {
    const talk = await busy();
    const socket = await TestSocket.connect(app.url, talk.as.token!);
    await socket.say('session.join', { sessionId: talk.sessionId });
    const message = { sessionId: talk.sessionId, content: 'Second' };
    expect(await socket.say('message.send', message)).toMatchObject({ ok: false, error: { code: 'run_in_progress' } });
    const { ok, runId } = await socket.say('message.send', { ...message, onBusy: 'queue' });
    expect(ok).toBe(true);
    await talk.letGo();
    expect(told(await socket.whole(String(runId))).message?.content).toBe('To Second');
    const titles = socket.events.flatMap(({ type, data }) =>
      type === 'session.updated' ? [(data as { session: SessionDto }).session.title] : [],
    );
    expect([titles[0], titles.at(-1)]).toEqual([null, 'Hold']);
    socket.close();
  });
});

describe('A message that is queued and cancelled', () => {
  it('ends at once, and nothing else does', async () => {
    const talk = await busy();
    const [second, third] = [await send(talk, 'Second', 'queue'), await send(talk, 'Third', 'queue')];
    const cancelled = (await talk.as.post(`/runs/${second.id}/cancel`).expect(200)).json();
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    expect([
      await statusOf(talk),
      (await runOf(talk, talk.runId)).status,
      (await runOf(talk, third.id)).status,
    ]).toEqual(['processing', 'running', 'queued']);
    await talk.letGo();
    expect((await toldOf(talk, third.id)).message?.content).toBe('To Third');
    expect((await toldOf(talk, second.id)).types).toEqual(['run.started', 'message.created', 'run.cancelled']);
    await isFree(talk);
    expect(await saidIn(talk)).toEqual(['Hold', 'Let me see.\n\nTo Hold', 'Second', 'Third', 'To Third']);
    expect(lastShown(talk)).toEqual([...HELD, 'Second | Third']);
  });

  it('in all orders, with the one before it, leaves the session free', async () => {
    const talk = await busy();
    const runs = [talk.runId, (await send(talk, 'Second', 'queue')).id, (await send(talk, 'Third', 'queue')).id];
    await Promise.all(runs.reverse().map((id) => Promise.resolve(talk.as.post(`/runs/${id}/cancel`).expect(200))));
    for (const id of runs) expect(await runOf(talk, id)).toMatchObject({ status: 'cancelled' });
    expect(await statusOf(talk)).toBe('active');
  });
});

describe('A paused session', () => {
  it('holds what is queued until it is resumed', async () => {
    const talk = await busy();
    const [second, third] = [await send(talk, 'Second', 'queue'), await send(talk, 'Third', 'queue')];
    await put(talk, 'pause').expect(200);
    await talk.letGo();
    await eventually(
      () => runOf(talk, talk.runId),
      ({ status }) => status === 'waiting',
    );
    expect([await runOf(talk, second.id), await runOf(talk, third.id)]).toMatchObject([
      { status: 'queued', lastSeq: 2 },
      { status: 'queued', lastSeq: 2 },
    ]);
    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'processing' });
    expect((await toldOf(talk, third.id)).message?.content).toBe('To Third');
    await isFree(talk);
    expect((await saidIn(talk)).slice(-4)).toEqual(['Second', 'To Second', 'Third', 'To Third']);
  });

  it('starts the next one when it is resumed after the last run has ended', async () => {
    const talk = await busy();
    const second = await send(talk, 'Second', 'queue');
    await put(talk, 'pause').expect(200);
    await talk.as.post(`/runs/${talk.runId}/cancel`).expect(200);
    expect([await statusOf(talk), (await runOf(talk, second.id)).attempts]).toEqual(['paused', 0]);
    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'processing' });
    expect((await toldOf(talk, second.id)).message?.content).toBe('To Second');
    await isFree(talk);
  });
});

describe('A message that interrupts', () => {
  it('ends what is on and in line, and is answered', async () => {
    const talk = await busy();
    const second = await send(talk, 'Second', 'queue');
    const path = `/sessions/${talk.sessionId}/messages`;
    const { message } = (
      await talk.as.post(path, { content: 'Stop, this', onBusy: 'interrupt' }).expect(201)
    ).json<Sent>();
    expect(message?.content).toBe('To Stop, this');
    for (const id of [talk.runId, second.id]) expect(await runOf(talk, id)).toMatchObject({ status: 'cancelled' });
    expect(await saidIn(talk)).toEqual(['Hold', 'Let me see.', 'Second', 'Stop, this', 'To Stop, this']);
    expect(lastShown(talk)).toEqual(['Hold', 'Let me see. | <tool_use>', '<tool_result> | Second | Stop, this']);
    expect(await statusOf(talk)).toBe('active');
    const log = (await talk.as.get(`/audit-logs?resourceId=${second.id}`)).json<{ data: { action: string }[] }>().data;
    expect(log.map(({ action }) => action).sort()).toEqual(['run.cancelRequested', 'run.cancelled', 'run.started']);
  });

  it('with a key is answered again as itself', async () => {
    const talk = await busy();
    const key = { 'idempotency-key': randomUUID() };
    const body = { content: 'Stop', onBusy: 'interrupt' };
    const path = `/sessions/${talk.sessionId}/messages`;
    const first = (await talk.as.post(path, body, key).expect(201)).json<Sent>();
    expect((await talk.as.post(path, body, key).expect(201)).json<Sent>()).toEqual(first);
    expect(first.message?.content).toBe('To Stop');
  });

  it('is the last of several that do, and one of them is answered', async () => {
    const talk = await busy();
    const runs = await Promise.all([1, 2, 3, 4, 5].map((n) => send(talk, `Stop ${n}`, 'interrupt')));
    await isFree(talk);
    const ended = await Promise.all(runs.map(({ id }) => runOf(talk, id)));
    const [last] = (await messagesOf(talk)).filter(({ role }) => role === 'user').reverse();
    expect(ended.find(({ messageId }) => messageId === last?.id)).toMatchObject({ status: 'completed' });
    expect((await saidIn(talk)).at(-1)).toBe(`To ${last?.content}`);
  });
});

describe('An interruption', () => {
  it('cancels what is on and all in line, none of which begins', async () => {
    const talk = await busy();
    const runs = [await send(talk, 'Second', 'queue'), await send(talk, 'Third', 'queue')];
    expect((await put(talk, 'interrupt').expect(200)).json()).toMatchObject({ status: 'active' });
    for (const { id } of [{ id: talk.runId }, ...runs])
      expect(await runOf(talk, id)).toMatchObject({ status: 'cancelled' });
    expect(talks.sent(talk.model)).toHaveLength(1);
    expect(await saidIn(talk)).toEqual(['Hold', 'Let me see.', 'Second', 'Third']);
  });

  it('of a paused session does the same', async () => {
    const talk = await busy();
    const second = await send(talk, 'Second', 'queue');
    await put(talk, 'pause').expect(200);
    expect((await put(talk, 'interrupt').expect(200)).json()).toMatchObject({ status: 'paused' });
    expect(await runOf(talk, second.id)).toMatchObject({ status: 'cancelled' });
    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'active' });
  });
});

describe('A suspended tenant', () => {
  it('has its queue wait, and go on when it is active again', async () => {
    const talk = await busy();
    const second = await send(talk, 'Second', 'queue');
    const admin = await talks.given.admin();
    await admin.patch(`/admin/tenants/${talk.tenantId}`, { status: 'suspended' }).expect(200);
    await admin.patch(`/admin/tenants/${talk.tenantId}`, { status: 'active' }).expect(200);
    await talk.letGo();
    const { email, password } = talk.owner;
    const back = { ...talk, as: (await talks.given.login(email, password)).as };
    expect((await toldOf(back, second.id)).message?.content).toBe('To Second');
    await isFree(back);
    expect((await saidIn(back)).slice(-2)).toEqual(['Second', 'To Second']);
  }, 30_000);
});
