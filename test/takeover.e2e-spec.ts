import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sent } from './conversations.js';
import type { Member } from './given.js';
import { FakeMcp } from './mcp/fake-mcp.js';
import { eventually } from './platform-fixtures.js';
import { Processes } from './processes.js';
import { eventsOf } from './sse.js';
import type { Told } from './told.js';
import { saying, type Reply } from './upstream/reply.js';

/** Long enough to kill a worker meanwhile; where there can be several, the next one is started first. */
const SLOW_SECONDS = process.env['TEST_REDIS_URL'] ? 6 : 1;

/** The first result of a tool and the first storing of an answer take long, if they are marked so. */
const SLOW_WRITES = `
  CREATE SEQUENCE slow_tool;
  CREATE SEQUENCE slow_answer;
  CREATE FUNCTION write_slowly() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
    BEGIN
      IF nextval(TG_ARGV[0]) = 1 THEN PERFORM pg_sleep(${SLOW_SECONDS}); END IF;
      RETURN NEW;
    END $$;
  CREATE TRIGGER slow_tool BEFORE UPDATE ON tool_calls FOR EACH ROW
    WHEN (NEW.input ->> 'a' = '77') EXECUTE FUNCTION write_slowly('slow_tool');
  CREATE TRIGGER slow_answer BEFORE INSERT ON messages FOR EACH ROW
    WHEN (NEW.role = 'assistant' AND NEW.content = 'Stored slowly') EXECUTE FUNCTION write_slowly('slow_answer');`;

let processes: Processes;
let owner: Member;

beforeAll(async () => {
  processes = await Processes.start({ sql: SLOW_WRITES });
  owner = await processes.owner();
}, 120_000);
afterAll(() => processes.close(), 30_000);

const streaming = (...words: string[]): Reply => ({ steps: [{ text: words }, { hang: true }] });
/** Its reader is there before the slow write, during which an embedded database reads nothing. */
const adding = (a: number): Reply => ({
  steps: [{ text: 'Let me see.' }, { pauseMs: 500 }, { toolUse: { name: 'calculator__add', input: { a, b: 1 } } }],
});

async function session(body: object = { model: 'claude-haiku-4-5', tools: ['calculator:*'] }): Promise<string> {
  return (await processes.as(owner).post('/sessions', body).expect(201)).json<{ id: string }>().id;
}

/** A message in a new session, and the run that was begun for it. */
async function begin(words: string, headers: Record<string, string> = {}) {
  const sessionId = await session();
  const path = `/sessions/${sessionId}/messages`;
  const body = { content: words, background: true };
  const { run } = (await processes.as(owner).post(path, body, headers).expect(202)).json<Sent>();
  return { path, body, sessionId, runId: run.id };
}

/** Returns when the run has come so far. */
async function reaches(runId: string, what: string): Promise<void> {
  const reached = Promise.withResolvers<undefined>();
  const response = await processes.as(owner).fetch('GET', `/runs/${runId}/events`);
  // Read on to the end: a client that stays without reading holds up a server that stops.
  const reading = (async () => {
    for await (const event of eventsOf(response)) if (JSON.stringify(event).includes(what)) reached.resolve(undefined);
  })();
  reading.catch(() => undefined).finally(() => reached.reject(new Error(`The run ended without ${what}`)));
  await reached.promise;
}

/** What has to hold of any run that was taken over: one answer, everything in the books once. */
async function expectWhole({ run, message }: Told, words: string, answer: string): Promise<void> {
  expect(run).toMatchObject({ status: 'completed', error: null });
  expect(message?.content).toBe(answer);
  const as = processes.as(owner);
  const list = (await as.get(`/sessions/${run.sessionId}/messages`)).json<{ data: { content: string }[] }>();
  expect(list.data.map(({ content }) => content)).toEqual([words, answer]);
  expect((await as.get(`/sessions/${run.sessionId}`)).json()).toMatchObject({ status: 'active', messageCount: 2 });
  const log = (await as.get(`/audit-logs?resourceId=${run.id}`).expect(200)).json<{ data: { action: string }[] }>();
  expect(log.data.map(({ action }) => action).sort()).toEqual(['run.completed', 'run.started']);
}

describe('A worker that is killed', () => {
  it('in the middle of a stream, or before it began, is replaced, and nothing acknowledged is lost', async () => {
    processes.answers('stream', streaming('It was', ' the'), saying('Better'));
    processes.answers('later', adding(1), streaming('Two'), saying('2'));
    processes.answers('queued', saying('Here'), saying('Here'));
    const [stream, later] = [await begin('stream'), await begin('later')];
    await reaches(stream.runId, ' the');
    await reaches(later.runId, 'Two');
    const key = { 'idempotency-key': 'once' };
    const queued = await begin('queued', key);
    await processes.replaceWorker('kill');

    const [one, two, three] = await Promise.all(
      [stream, later, queued].map(({ runId }) => processes.follow(owner, runId)),
    );
    await expectWhole(one as Told, 'stream', 'Better');
    expect(one).toMatchObject({ discarded: ['It was the'], run: { attempts: 2, usage: { estimated: true } } });
    await expectWhole(two as Told, 'later', 'Let me see.\n\n2');
    expect(two).toMatchObject({ discarded: ['Let me see.\n\nTwo'], results: [{ output: '2' }], run: { attempts: 2 } });
    await expectWhole(three as Told, 'queued', 'Here');
    expect([processes.asked('stream'), processes.asked('later')]).toEqual([2, 3]);

    const again = await processes.as(owner).post(queued.path, queued.body, key).expect(202);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.json<Sent>().run.id).toBe(queued.runId);
  }, 90_000);

  it('between a call and its result has the call made again, since it does no harm, and the model asked once', async () => {
    processes.answers('tool', adding(77), saying('78'));
    const { runId } = await begin('tool');
    await reaches(runId, 'tool.call');
    await processes.replaceWorker('kill', true);
    const told = await processes.follow(owner, runId);
    await expectWhole(told, 'tool', 'Let me see.\n\n78');
    expect(told).toMatchObject({ discarded: [], results: [{ output: '78' }], run: { attempts: 2 } });
    expect(told.types.filter((type) => type === 'tool.call')).toHaveLength(1);
    expect(processes.asked('tool')).toBe(2);
  }, 90_000);

  it('while it stores the answer has it made again', async () => {
    const slow: Reply = { steps: [{ text: 'Stored' }, { pauseMs: 400 }, { text: ' slowly' }] };
    processes.answers('answer', slow, saying('Stored', ' slowly'));
    const { runId } = await begin('answer');
    await reaches(runId, 'Stored');
    // The model is through by then, and the answer is being stored.
    await sleep(800);
    await processes.replaceWorker('kill', true);
    const told = await processes.follow(owner, runId);
    await expectWhole(told, 'answer', 'Stored slowly');
    expect(told.run.attempts).toBe(2);
    expect(told.discarded).toHaveLength(1);
    expect(processes.asked('answer')).toBe(2);
  }, 90_000);

  it('after its run was asked to pause leaves a run that waits and can be resumed', async () => {
    processes.answers('pause', streaming('One'), saying('Two'));
    const { runId, sessionId } = await begin('pause');
    await reaches(runId, 'One');
    const as = () => processes.as(owner);
    await as().post(`/sessions/${sessionId}/pause`).expect(200);
    await processes.replaceWorker('kill', true);
    await eventually(
      async () => (await as().get(`/runs/${runId}`)).json<Sent['run']>().status,
      (status) => status === 'waiting',
    );
    expect(processes.asked('pause')).toBe(1);
    await as().post(`/sessions/${sessionId}/resume`).expect(200);
    const told = await processes.follow(owner, runId);
    await expectWhole(told, 'pause', 'Two');
    expect(told).toMatchObject({ discarded: ['One'], run: { attempts: 3 } });
  }, 90_000);
});

describe('A worker that is asked to stop', () => {
  it('hands its runs back, and they go on with what they have taken counted', async () => {
    processes.answers('handed', adding(2), streaming('It is'), saying('Three'));
    const { runId, sessionId } = await begin('handed');
    await reaches(runId, 'It is');
    await processes.endWorker('stop');
    if (processes.isSplit) {
      const handed = (await processes.as(owner).get(`/runs/${runId}`).expect(200)).json<Sent['run']>();
      expect(handed).toMatchObject({ status: 'queued', usage: { estimated: true } });
      expect((await processes.as(owner).get(`/sessions/${sessionId}`)).json()).toMatchObject({ status: 'processing' });
    }
    await processes.addWorker();
    const told = await processes.follow(owner, runId);
    await expectWhole(told, 'handed', 'Let me see.\n\nThree');
    expect(told).toMatchObject({
      discarded: ['Let me see.\n\nIt is'],
      run: { attempts: 2, usage: { estimated: true } },
    });
    expect(processes.asked('handed')).toBe(3);
  }, 90_000);

  it('lets a call end first that can not be made a second time', async () => {
    const far = await new FakeMcp().start();
    far.tools = [{ name: 'late', inputSchema: { type: 'object' } }];
    const as = processes.as(owner);
    const server = await as.post('/mcp/servers', { name: 'far', transport: 'http', url: far.url }).expect(201);
    await as.get(`/mcp/servers/${server.json<{ id: string }>().id}/discover`).expect(200);
    processes.answers('once', { steps: [{ toolUse: { name: 'far__late', input: {} } }] }, saying('So be it'));
    const definition = { tools: ['far:*'], permissionPolicy: { default: 'allow' } };
    const agent = await as.post('/agents', { name: 'Once', model: 'claude-haiku-4-5', ...definition }).expect(201);
    const runId = await sent(await session({ agentId: agent.json()['id'] }), 'once');
    await eventually(
      () => far.count('tools/call'),
      (count) => count === 1,
    );
    await processes.replaceWorker('stop');
    const told = await processes.follow(owner, runId);
    expect(told).toMatchObject({ run: { status: 'completed' }, results: [{ isError: false, output: 'It is done' }] });
    expect(far.count('tools/call')).toBe(1);
    await far.stop();
  }, 90_000);

  it('leaves nobody waiting in vain', async () => {
    processes.answers('wait', streaming('It is'), saying('Three'));
    const sessionId = await session();
    const path = `/sessions/${sessionId}/messages`;
    const waiting = processes.as(owner).post(path, { content: 'wait' });
    await eventually(
      () => processes.asked('wait'),
      (count) => count === 1,
    );
    await processes.replaceWorker('stop');
    const answer = await waiting;
    const { run } = answer.json<Sent>();
    expect([run.status, answer.status]).toEqual(processes.isSplit ? ['completed', 201] : [expect.any(String), 202]);
    await expectWhole(await processes.follow(owner, run.id), 'wait', 'Three');
  }, 90_000);

  it('one after the other, under conversations that go on, costs them nothing', async () => {
    const turns = 3;
    const converse = async (name: string) => {
      const sessionId = await session();
      const told: Told[] = [];
      for (let turn = 0; turn < turns; turn++) {
        const words = `${name} ${turn}`;
        const long: Reply = { steps: [{ text: ['Well,'] }, { pauseMs: 700 }, { text: [` ${words}.`] }] };
        processes.alwaysAnswers(words, adding(turn), long);
        told.push(await processes.follow(owner, await sent(sessionId, words)));
      }
      return told;
    };
    const talking = Promise.all(['a', 'b', 'c', 'd'].map(converse));
    for (let round = 0; round < 2; round++) {
      await processes.replaceWorker('stop');
      await processes.replaceFront();
    }
    for (const told of (await talking).flat()) {
      expect(told.run.status).toBe('completed');
      expect(told.message?.content).toMatch(/^Let me see\.\n\nWell, [a-d] \d\.$/);
      expect(told.results).toHaveLength(1);
    }
  }, 120_000);
});

/** Sends until it is acknowledged; only connections and a stopping server may be in the way. */
async function sent(sessionId: string, content: string): Promise<string> {
  for (;;) {
    const body = { content, background: true };
    const answer = await Promise.resolve(
      processes
        .as(owner)
        .post(`/sessions/${sessionId}/messages`, body, { 'idempotency-key': content.replace(' ', '-') }),
    ).catch(() => null);
    if (answer?.status === 202) return answer.json<Sent>().run.id;
    if (answer && ![503, 409].includes(answer.status)) throw new Error(`answered ${answer.status}: ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
