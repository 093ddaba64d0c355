import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sent } from './conversations.js';
import type { Member } from './given.js';
import { eventually } from './platform-fixtures.js';
import { Processes } from './processes.js';
import { saidIn } from './transcript.js';
import { saying, type Reply } from './upstream/reply.js';

let processes: Processes;
let owner: Member;

beforeAll(async () => {
  processes = await Processes.start();
  owner = await processes.owner();
}, 120_000);
afterAll(() => processes.close(), 30_000);

const hanging: Reply = { steps: [{ text: 'One moment' }, { hang: true }] };

/** A session in which the model has begun to answer this and goes no further. */
async function busyWith(words: string): Promise<{ sessionId: string; runId: string }> {
  const body = { model: 'claude-haiku-4-5' };
  const sessionId = (await processes.as(owner).post('/sessions', body).expect(201)).json<{ id: string }>().id;
  const runId = (await send(sessionId, words)).id;
  await eventually(
    () => processes.asked(words),
    (asked) => asked === 1,
  );
  return { sessionId, runId };
}

async function send(sessionId: string, content: string, onBusy?: string): Promise<Sent['run']> {
  const body = { content, background: true, onBusy };
  return (await processes.as(owner).post(`/sessions/${sessionId}/messages`, body).expect(202)).json<Sent>().run;
}

const said = (sessionId: string) => saidIn({ as: processes.as(owner), sessionId });
const statusOf = async (sessionId: string) =>
  (await processes.as(owner).get(`/sessions/${sessionId}`).expect(200)).json<{ status: string }>().status;

describe('What is queued in a session', () => {
  it('outlives the worker of the run before it, and is answered once, in order', async () => {
    processes.answers('A1', hanging, saying('To A1'));
    for (const words of ['A2', 'A3']) processes.answers(words, saying(`To ${words}`));
    const { sessionId, runId } = await busyWith('A1');
    const queued = [await send(sessionId, 'A2', 'queue'), await send(sessionId, 'A3', 'queue')];
    await processes.replaceWorker('kill', true);
    expect((await processes.follow(owner, runId)).run).toMatchObject({ status: 'completed', attempts: 2 });
    for (const { id } of queued) expect((await processes.follow(owner, id)).run).toMatchObject({ attempts: 1 });
    expect(await said(sessionId)).toEqual(['A1', 'To A1', 'A2', 'To A2', 'A3', 'To A3']);
    expect([processes.asked('A2'), processes.asked('A3'), await statusOf(sessionId)]).toEqual([1, 1, 'active']);
  }, 60_000);

  it('outlives its own worker, and a stop of all', async () => {
    processes.answers('B1', hanging, saying('To B1'));
    processes.answers('B2', hanging, saying('To B2'));
    processes.answers('B3', saying('To B3'));
    const { sessionId } = await busyWith('B1');
    const [second, third] = [await send(sessionId, 'B2', 'queue'), await send(sessionId, 'B3', 'queue')];
    await processes.replaceWorker('stop');
    await eventually(
      () => processes.asked('B2'),
      (asked) => asked === 1,
    );
    await processes.replaceWorker('kill', true);
    expect((await processes.follow(owner, second.id)).message?.content).toBe('To B2');
    expect((await processes.follow(owner, third.id)).message?.content).toBe('To B3');
    expect(await said(sessionId)).toEqual(['B1', 'To B1', 'B2', 'To B2', 'B3', 'To B3']);
  }, 60_000);
});

describe('An interruption of a run that another process holds', () => {
  it('ends it and all in line, and is answered', async () => {
    processes.answers('C1', hanging);
    // Turns of a user that follow one another are one to the model.
    processes.answers('C2\nC3', saying('To C3'));
    const { sessionId, runId } = await busyWith('C1');
    const second = await send(sessionId, 'C2', 'queue');
    const path = `/sessions/${sessionId}/messages`;
    const stop = { content: 'C3', onBusy: 'interrupt' };
    const { message } = (await processes.as(owner).post(path, stop).expect(201)).json<Sent>();
    expect(message?.content).toBe('To C3');
    for (const id of [runId, second.id]) {
      expect((await processes.follow(owner, id)).run).toMatchObject({ status: 'cancelled' });
    }
    expect(processes.asked('C2')).toBe(0);
    expect(await said(sessionId)).toEqual(['C1', 'One moment', 'C2', 'C3', 'To C3']);
  }, 60_000);

  it('of the session leaves nothing to be answered', async () => {
    processes.answers('D1', hanging);
    const { sessionId } = await busyWith('D1');
    await send(sessionId, 'D2', 'queue');
    const interrupted = await processes.as(owner).post(`/sessions/${sessionId}/interrupt`).expect(200);
    expect(interrupted.json()).toMatchObject({ status: 'active' });
    expect([processes.asked('D2'), await said(sessionId)]).toEqual([0, ['D1', 'One moment', 'D2']]);
  }, 60_000);
});
