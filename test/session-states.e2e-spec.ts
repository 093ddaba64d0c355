import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { RunEnvelope } from '../src/contracts/live-events.js';
import { JobQueue } from '../src/platform/jobs/job-queue.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { allEvents, eventsOf } from './sse.js';
import { told } from './told.js';
import { saying, type Reply } from './upstream/reply.js';

type Verb = 'pause' | 'resume' | 'complete' | 'archive';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;

beforeAll(async () => {
  app = await startApp(manyModels());
  app.upstream.respond = ({ model, messages }) =>
    messages.length > 1 ? saying('Done') : (rounds.get(model) ?? saying('Done'));
  probes = new ProbeTools(app);
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

const put = (talk: Pick<Talk, 'as' | 'sessionId'>, verb: string) => talk.as.post(`/sessions/${talk.sessionId}/${verb}`);
const statusOf = async ({ as, sessionId }: Pick<Talk, 'as' | 'sessionId'>) =>
  (await as.get(`/sessions/${sessionId}`).expect(200)).json<{ status: string }>().status;
const runOf = async (as: Client, runId: string) => (await as.get(`/runs/${runId}`).expect(200)).json<Sent['run']>();

/** A call of `probe:meet` that comes back when somebody else arrives under `friend`. */
const meeting = (me: string, friend: string): Reply => ({
  steps: [{ text: 'Let me see.' }, { toolUse: { name: 'probe__meet', input: { me, other: friend } } }],
});

/** The first round of each model; after it, it says that it is done. */
const rounds = new Map<string, Reply>();

/** A run whose first round of tools lasts until `finishRound`; its model would then say `Done`. */
async function inItsFirstRound(options: { wait?: boolean } = {}) {
  const talk = await talks.start(PROBES);
  const [me, friend] = [`me of ${talk.model}`, `friend of ${talk.model}`];
  rounds.set(talk.model, meeting(me, friend));
  const path = `/sessions/${talk.sessionId}/messages`;
  const sent = talk.as.post(path, { content: 'Hi', background: options.wait !== true });
  const before = probes.count('meet');
  const answer = Promise.resolve(sent);
  await eventually(
    () => probes.count('meet'),
    (count) => count > before,
  );
  const [run] = (await talk.as.get(`/sessions/${talk.sessionId}/runs`)).json<{ data: Sent['run'][] }>().data;
  const finishRound = () => probes.call('meet', { me: friend, other: me }, new AbortController().signal);
  return { talk, runId: run!.id, finishRound, answer };
}

const isWaiting = (as: Client, runId: string) =>
  eventually(
    () => runOf(as, runId),
    ({ status }) => status === 'waiting',
  );
const isWaitingAfter = async (step: () => Promise<unknown>, as: Client, runId: string) => {
  await step();
  await isWaiting(as, runId);
};
const hasEnded = (as: Client, runId: string) =>
  eventually(
    () => runOf(as, runId),
    ({ status }) => ['completed', 'failed', 'cancelled'].includes(status),
  );

describe('A session without a run', () => {
  const AFTER: Record<Verb, string> = {
    pause: 'paused',
    resume: 'active',
    complete: 'completed',
    archive: 'archived',
  };
  it.each<[string, Verb[], Verb[]]>([
    ['created', [], ['pause', 'complete', 'archive']],
    ['paused', ['pause'], ['resume', 'complete', 'archive']],
    ['completed', ['complete'], ['resume', 'archive']],
    ['archived', ['archive'], ['resume']],
    ['active', ['pause', 'resume'], ['pause', 'complete', 'archive']],
  ])('that is %s goes where it may, and nowhere else', async (status, way, may) => {
    for (const verb of Object.keys(AFTER) as Verb[]) {
      const talk = await talks.given.session({ model: 'offline' });
      for (const step of way) await put(talk, step).expect(200);
      expect(await statusOf(talk)).toBe(status);
      if (may.includes(verb)) {
        expect((await put(talk, verb).expect(200)).json()).toMatchObject({ id: talk.sessionId, status: AFTER[verb] });
        expect(await statusOf(talk)).toBe(AFTER[verb]);
      } else {
        expect((await put(talk, verb).expect(409)).json()).toMatchObject({ code: 'conflict' });
        expect(await statusOf(talk)).toBe(status);
      }
    }
  });

  it.each<[string, Verb]>([
    ['paused', 'pause'],
    ['completed', 'complete'],
    ['archived', 'archive'],
  ])('takes no messages while it is %s, and takes them again when it is resumed', async (_status, verb) => {
    const talk = await talks.given.session({ model: 'offline' });
    const path = `/sessions/${talk.sessionId}/messages`;
    await put(talk, verb).expect(200);
    expect((await talk.as.post(path, { content: 'Hi' }).expect(409)).json()).toMatchObject({ code: 'conflict' });
    await put(talk, 'resume').expect(200);
    await talk.as.post(path, { content: 'Hi' }).expect(201);
    const log = (await talk.as.get(`/audit-logs?resourceId=${talk.sessionId}`)).json<{ data: { action: string }[] }>();
    expect(log.data.map(({ action }) => action)).toEqual(
      expect.arrayContaining([`session.${_status}`, 'session.resumed']),
    );
  });

  it('is put nowhere by those who may not see it or only look', async () => {
    const talk = await talks.given.session({ model: 'offline' });
    const [member, viewer] = [await talks.given.member(talk, 'member'), await talks.given.member(talk, 'viewer')];
    const stranger = await talks.given.tenant();
    for (const verb of ['pause', 'resume', 'complete', 'archive', 'interrupt']) {
      await put({ ...talk, as: member.as }, verb).expect(404);
      await put({ ...talk, as: stranger.as }, verb).expect(404);
      await put({ ...talk, as: viewer.as }, verb).expect(403);
    }
    expect(await statusOf(talk)).toBe('created');
  });

  it('is left as it is by an interruption', async () => {
    const talk = await talks.given.session({ model: 'offline' });
    expect((await put(talk, 'interrupt').expect(200)).json()).toMatchObject({ status: 'created' });
  });
});

describe('A pause', () => {
  it('lets the run finish its step and wait, and resuming lets it go on', async () => {
    const { talk, runId, finishRound } = await inItsFirstRound();
    const { as, model } = talk;
    const stream = await as.fetch('GET', `/runs/${runId}/events`);
    expect((await put(talk, 'pause').expect(200)).json()).toMatchObject({ status: 'paused' });
    expect(await runOf(as, runId)).toMatchObject({ status: 'running' });
    await finishRound();
    expect(await isWaiting(as, runId)).toMatchObject({ finishedAt: null, error: null });
    expect([await statusOf(talk), talks.sent(model).length]).toEqual(['paused', 1]);
    expect((await put(talk, 'complete').expect(409)).json()).toMatchObject({ code: 'run_in_progress' });
    await as.delete(`/sessions/${talk.sessionId}`).expect(409);

    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'processing' });
    const { types, message, run } = told(await allEvents(stream));
    const around = types.slice(types.indexOf('tool.result'), types.indexOf('run.resumed') + 1);
    expect(around).toEqual(['tool.result', 'run.waiting', 'run.resumed']);
    expect(message?.content).toBe('Let me see.\n\nDone');
    expect(run).toMatchObject({ status: 'completed', attempts: 2 });
    expect([await statusOf(talk), talks.sent(model).length]).toEqual(['active', 2]);
    expect(told(await allEvents(await as.fetch('GET', `/runs/${runId}/events`))).types).toEqual(types);
  });

  it('answers who waits for the run, and ends who streams it', async () => {
    const { talk, finishRound, answer } = await inItsFirstRound({ wait: true });
    await put(talk, 'pause').expect(200);
    await finishRound();
    const waited = await answer;
    expect([waited.status, waited.json()]).toEqual([
      202,
      { run: expect.objectContaining({ status: 'waiting' }), pendingPermissions: [], pendingToolCalls: [] },
    ]);
  });

  it('that is withdrawn before the step is over changes nothing', async () => {
    const { talk, runId, finishRound } = await inItsFirstRound();
    await put(talk, 'pause').expect(200);
    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'processing' });
    await finishRound();
    const run = await hasEnded(talk.as, runId);
    expect(run).toMatchObject({ status: 'completed', attempts: 1 });
    expect(await statusOf(talk)).toBe('active');
  });

  it('of a run whose last step it is stays, without a run that waits', async () => {
    const talk = await talks.start();
    app.upstream.enqueue({ steps: [{ text: 'One' }, { pauseMs: 300 }, { text: ' two' }] });
    const response = await talk.as.fetch('POST', `/sessions/${talk.sessionId}/messages`, {
      content: 'Hi',
      stream: true,
    });
    const events: RunEnvelope[] = [];
    for await (const event of eventsOf(response)) {
      events.push(event);
      if (event.type === 'message.delta' && events.filter(({ type }) => type === 'message.delta').length === 1) {
        await put(talk, 'pause').expect(200);
      }
    }
    expect(told(events).message?.content).toBe('One two');
    expect(await statusOf(talk)).toBe('paused');
    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'active' });
  });

  it('of a run that nobody holds yet has it wait at once', async () => {
    const talk = await talks.start();
    const full = jest.spyOn(app.nest.get(JobQueue), 'hasRoom').mockReturnValue(false);
    const ring = jest.spyOn(app.nest.get(JobQueue), 'ring').mockImplementation(() => undefined);
    const path = `/sessions/${talk.sessionId}/messages`;
    const { run } = (await talk.as.post(path, { content: 'Hi', background: true }).expect(202)).json<Sent>();
    await put(talk, 'pause').expect(200);
    expect(await runOf(talk.as, run.id)).toMatchObject({ status: 'waiting', attempts: 0, lastSeq: 3 });
    ring.mockRestore();
    full.mockRestore();
    await put(talk, 'resume').expect(200);
    const { types, message } = told(await allEvents(await talk.as.fetch('GET', `/runs/${run.id}/events`)));
    expect(types.slice(0, 4)).toEqual(['run.started', 'message.created', 'run.waiting', 'run.resumed']);
    expect(message?.content).toBe('Done');
  });

  it('holds a run that can be cancelled', async () => {
    const { talk, runId, finishRound } = await inItsFirstRound();
    await put(talk, 'pause').expect(200);
    await finishRound();
    await isWaiting(talk.as, runId);
    const cancelled = (await talk.as.post(`/runs/${runId}/cancel`).expect(200)).json<Sent['run']>();
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    expect(await statusOf(talk)).toBe('paused');
    expect((await put(talk, 'resume').expect(200)).json()).toMatchObject({ status: 'active' });
    const { message } = told(await allEvents(await talk.as.fetch('GET', `/runs/${runId}/events`)));
    expect(message?.content).toBe('Let me see.');
  });

  it('never outlives a cancellation, whatever else is asked at the same time', async () => {
    for (const others of [['resume', 'pause'], ['pause'], ['resume']]) {
      const { talk, runId, finishRound } = await inItsFirstRound();
      await put(talk, 'pause').expect(200);
      if (others[0] === 'resume') await isWaitingAfter(finishRound, talk.as, runId);
      const cancel = Promise.resolve(talk.as.post(`/runs/${runId}/cancel`));
      const asked = others.map((verb) => Promise.resolve(put(talk, verb)));
      expect((await cancel).json()).toMatchObject({ status: 'cancelled' });
      await Promise.all(asked);
      expect(await runOf(talk.as, runId)).toMatchObject({ status: 'cancelled' });
    }
  });

  it('twice, and a resumption twice, count once', async () => {
    const { talk, runId, finishRound } = await inItsFirstRound();
    const paused = await Promise.all([1, 2, 3].map(() => Promise.resolve(put(talk, 'pause'))));
    expect(paused.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    await finishRound();
    await isWaiting(talk.as, runId);
    const resumed = await Promise.all([1, 2, 3].map(() => Promise.resolve(put(talk, 'resume'))));
    expect(resumed.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    const { types } = told(await allEvents(await talk.as.fetch('GET', `/runs/${runId}/events`)));
    expect(types.filter((type) => type === 'run.resumed' || type === 'run.waiting')).toEqual([
      'run.waiting',
      'run.resumed',
    ]);
  });
});

describe('An interruption', () => {
  it('cancels the run, keeps what was said, and frees the session', async () => {
    const { talk, runId } = await inItsFirstRound();
    expect((await put(talk, 'interrupt').expect(200)).json()).toMatchObject({ status: 'active' });
    expect(await runOf(talk.as, runId)).toMatchObject({ status: 'cancelled' });
    await talks.ask(talk, [saying('Here')], { content: 'And now?' });
  });
});
