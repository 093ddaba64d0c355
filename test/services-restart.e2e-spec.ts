import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sent } from './conversations.js';
import type { Member } from './given.js';
import { OwnServices } from './own-services.js';
import { Processes } from './processes.js';
import type { Reply, Step } from './upstream/reply.js';

// Other tests may be using the services they were all given, so these are restarted on services of their own: where
// `.ci/services` has made those, it can make more.
const canStartMore = process.env['TEST_REDIS_URL'] !== undefined && process.env['SERVICES_DIR'] !== undefined;
const counting = Array.from({ length: 30 }, (_, n) => ` ${n}`);
const onServices = canStartMore ? describe : describe.skip;

onServices('While conversations go on', () => {
  let services: OwnServices;
  let processes: Processes;
  let owner: Member;
  const endings: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    services = new OwnServices();
    endings.unshift(() => services.stop());
    await services.start();
    processes = await Processes.start();
    endings.unshift(() => processes.close());
    await processes.addWorker();
    owner = await processes.owner();
  }, 120_000);
  afterAll(async () => {
    for (const end of endings) await end();
  }, 60_000);

  it.each<[string, () => unknown]>([
    ['Postgres is restarted in order', () => services.restartPostgres('fast')],
    ['Postgres crashes', () => services.restartPostgres('immediate')],
    ['Redis loses everything', () => services.flushRedis()],
    ['Redis crashes', () => services.restartRedis()],
    [
      'both crash',
      async () => {
        await services.restartPostgres('immediate');
        await services.restartRedis();
      },
    ],
  ])(
    '%s, and all of them come to their end',
    async (what, happen) => {
      const names = ['a', 'b', 'c', 'd'].map((name) => `${what} ${name}`);
      const talking = Promise.all(names.map((name, index) => converse(name, index * 350)));
      const reading = readAllAlong();
      await sleep(1_100);
      await happen();
      const contents = await talking.finally(reading.end);
      expect(contents).toEqual(names.map((name) => `Let me see.\n\nWell,${counting.join('')} ${name}.`));
      expect(reading.wrong).toEqual([]);
    },
    120_000,
  );

  /** One message whose answer takes a while, and the answer. */
  async function converse(name: string, delayMs: number): Promise<string | undefined> {
    await sleep(delayMs);
    const round: Reply = {
      steps: [
        { text: 'Let me see.' },
        { pauseMs: 500 },
        { toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } } },
      ],
    };
    const words = counting.flatMap((text): Step[] => [{ text }, { pauseMs: 50 }]);
    const long: Reply = { steps: [{ text: 'Well,' }, ...words, { text: ` ${name}.` }] };
    processes.alwaysAnswers(name, round, long);
    const sessionId = (await until201('/sessions', { model: 'claude-haiku-4-5', tools: ['calculator:*'] }, name)).json<{
      id: string;
    }>().id;
    const body = { content: name, background: true };
    const { run } = (await until201(`/sessions/${sessionId}/messages`, body, name)).json<Sent>();
    const { run: ended, message } = await processes.follow(owner, run.id);
    expect(ended.status).toBe('completed');
    const list = (await until201(`/sessions/${sessionId}/messages`)).json<{ data: object[] }>();
    expect(list.data).toHaveLength(2);
    return message?.content;
  }

  /** Tries again after 503 only. */
  async function until201(path: string, body?: object, key = '') {
    for (;;) {
      const as = processes.as(owner);
      const headers = { 'idempotency-key': key.replaceAll(' ', '-') };
      const answer = await (body ? as.post(path, body, headers) : as.get(path));
      if (answer.status < 300) return answer;
      // 409: the first try is still waiting for the database.
      if (answer.status !== 503 && answer.status !== 409)
        throw new Error(`${path} answered ${answer.status}: ${answer.text}`);
      await sleep(200);
    }
  }

  /** Reads as any client would meanwhile; gives what was answered that should not have been. */
  function readAllAlong() {
    const over = new AbortController();
    const wrong: string[] = [];
    const reading = (async () => {
      while (!over.signal.aborted) {
        const answer = await processes.as(owner).get('/sessions');
        const isFine =
          answer.status === 200 || (answer.status === 503 && answer.json<{ retryAfter?: number }>().retryAfter);
        if (!isFine) wrong.push(`${answer.status}: ${answer.text}`);
        await sleep(25);
      }
    })();
    return {
      wrong,
      end: async () => {
        over.abort();
        await reading;
      },
    };
  }
});
