import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunEnvelope } from '../src/contracts/live-events.js';
import { Db } from '../src/platform/database/db.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { asSystem, eventually } from './platform-fixtures.js';
import { PROBES, ProbeTools } from './probe-tools.js';
import { eventsOf } from './sse.js';
import { told, type Told } from './told.js';
import { blocksOf } from './upstream/messages-api.js';
import { failing, saying, type Reply, type Step } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let probes: ProbeTools;
let db: Db;
const script = new Map<string, Reply[]>();

// The tests run side by side: most of their time is the few seconds in which a holder learns that it is none any more.
beforeAll(async () => {
  app = await startApp(manyModels());
  app.upstream.respond = ({ model }) => script.get(model)?.shift() ?? failing(400, {}, 'not in the script');
  probes = new ProbeTools(app);
  talks = new Conversations(app);
  db = app.nest.get(Db, { strict: false });
}, 60_000);
afterAll(() => app.close());

const asked = (talk: Talk) => () => talks.sent(talk.model).length;

const streaming = (...steps: Step[]): Reply => ({ steps });
const HANG: Step = { hang: true };

/** As if the holder's lease had run out and another had claimed the run, and then died; more of its row may be set. */
function takeAway(runId: string, set = ''): Promise<object[]> {
  const more = set === '' ? '' : `, ${set}`;
  return asSystem(
    db,
    `UPDATE runs SET fence = fence + 1, lease_until = now() - interval '1 second'${more} WHERE id = :runId`,
    { runId },
  );
}

/**
 * Takes the run away when an event shows `what` and the model has been asked, and then does `after`; told when it has
 * ended.
 */
async function losing(
  talk: Talk,
  replies: Reply[],
  what: string,
  set?: string,
  after?: () => Promise<unknown>,
): Promise<Told> {
  script.set(talk.model, [...replies]);
  const body = { content: 'Hi', stream: true };
  const response = await talk.as.fetch('POST', `/sessions/${talk.sessionId}/messages`, body);
  const events: RunEnvelope[] = [];
  let taking: Promise<unknown> | undefined;
  for await (const event of eventsOf(response)) {
    events.push(event);
    if (!JSON.stringify(event).includes(what)) continue;
    taking ??= eventually(asked(talk), (count) => count > 0)
      .then(() => takeAway(event.runId, set))
      .then(after);
  }
  await taking;
  const run = told(events);
  await talks.check(talk.as, run);
  return run;
}

describe('A holder that has lost its run', () => {
  it.concurrent('shows nothing more of it, and leaves the model', async () => {
    const talk = await talks.start();
    const talkative = streaming({ text: 'Mine' }, { pauseMs: 300 }, { text: ' still mine' }, { pauseMs: 60_000 });
    const { run, message, discarded, events } = await losing(talk, [talkative, saying('Yours')], 'Mine');
    expect(run).toMatchObject({ status: 'completed', attempts: 2, usage: { estimated: true } });
    expect(message?.content).toBe('Yours');
    expect(discarded).toEqual(['Mine']);
    expect(JSON.stringify(events)).not.toContain('still mine');
    expect(app.upstream.requests.filter(({ body }) => body.model === talk.model).map(({ aborted }) => aborted)).toEqual(
      [true, false],
    );
  });

  it.concurrent('leaves its steps to the next, who goes on after them', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const round = streaming({ text: 'Let me see.' }, { toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } } });
    const { message, discarded, results, types } = await losing(
      talk,
      [round, streaming({ text: 'It' }, HANG), saying('3')],
      'It',
    );
    expect(message).toMatchObject({ content: 'Let me see.\n\n3', toolCalls: [{ output: '3' }] });
    expect(discarded).toEqual(['Let me see.\n\nIt']);
    expect(results).toHaveLength(1);
    expect(types.filter((type) => type === 'tool.call')).toHaveLength(1);
    expect(talks.sent(talk.model)).toHaveLength(3);
    expect(talks.sent(talk.model)[2]).toEqual(talks.sent(talk.model)[1]);
  });

  it.concurrent('has shown thinking that is void too', async () => {
    const talk = await talks.start();
    const replies = [streaming({ thinking: 'Hm' }, HANG), streaming({ thinking: 'Hm' }, { text: 'So' })];
    const { message, discarded, types } = await losing(talk, replies, 'Hm');
    expect(message?.content).toBe('So');
    expect(discarded).toEqual(['']);
    expect(types.filter((type) => type === 'message.started')).toHaveLength(2);
  });

  it.concurrent('leaves a message that shows only finished steps as it is', async () => {
    const talk = await talks.start(PROBES);
    const round = streaming(
      { thinking: 'Hm' },
      { text: 'Let me see.' },
      { toolUse: { name: 'probe__say', input: { words: 'x' } } },
    );
    const { discarded, message } = await losing(talk, [round, { silent: true }, saying('Well')], 'tool.result');
    expect(discarded).toEqual([]);
    expect(message?.content).toBe('Let me see.\n\nWell');
  });
});

describe('An answer that has a schema, when its run was lost', () => {
  const SUM = { outputSchema: { type: 'object', required: ['sum'] } };

  it.concurrent('is asked for again, and nothing of the one that was held back is shown', async () => {
    const talk = await talks.start(SUM);
    const held = streaming({ thinking: 'Hm' }, { text: ['{"sum":1}', ' '] }, HANG);
    const { message, discarded, events } = await losing(talk, [held, saying('{"sum":2}')], 'Hm');
    expect(message?.content).toBe('{"sum":2}');
    expect(discarded).toEqual(['']);
    expect(JSON.stringify(events)).not.toContain('"sum\\":1');
  });

  it.concurrent('is mended by the next, who knows what was wrong with it', async () => {
    const talk = await talks.start(SUM);
    const mending = streaming({ thinking: 'Better' }, { text: '{"su' }, HANG);
    const { run, message, events } = await losing(talk, [saying('{}'), mending, saying('{"sum":2}')], 'Better');
    expect(run).toMatchObject({ status: 'completed', attempts: 2 });
    expect(message).toMatchObject({ content: '{"sum":2}', blocks: [{ type: 'text' }] });
    expect(events.filter(({ type }) => type === 'message.delta')).toHaveLength(1);
    const [, second, third, ...more] = talks.sent(talk.model);
    expect(more).toEqual([]);
    expect(third).toEqual(second);
    expect(JSON.stringify(third?.messages.at(-1))).toContain("must have required property 'sum'");
  });

  it.concurrent('is not mended twice', async () => {
    const talk = await talks.start(SUM);
    const mending = streaming({ thinking: 'Better' }, HANG);
    const { run } = await losing(talk, [saying('{}'), mending, saying('[]')], 'Better');
    expect(run).toMatchObject({ status: 'failed', error: { code: 'output_schema_mismatch' } });
    expect(talks.sent(talk.model)).toHaveLength(3);
  });

  it.concurrent('is none when the run was to be cancelled', async () => {
    const talk = await talks.start(SUM);
    const held = streaming({ thinking: 'Hm' }, { text: ['{"sum":1}', ' '] }, HANG);
    const { run, message, events } = await losing(talk, [held], 'Hm', 'cancel_requested_at = now()');
    expect([run.status, message]).toEqual(['cancelled', null]);
    expect(events.filter(({ type }) => type === 'message.delta')).toEqual([]);
  });
});

describe('A call under way when its run was lost', () => {
  it.concurrent('is never made again if it may have had an effect', async () => {
    const talk = await talks.start(PROBES);
    const calls = streaming(
      { toolUse: { name: 'probe__effect' } },
      { toolUse: { name: 'probe__say', input: { words: 'twice' } } },
    );
    const { run, message } = await losing(talk, [calls, saying('I see')], 'tool.result');
    expect(run).toMatchObject({ status: 'completed', attempts: 2 });
    expect(message?.toolCalls).toMatchObject([
      { name: 'probe:effect', status: 'failed', isError: true, output: expect.stringMatching(/^unknown outcome/) },
      { name: 'probe:say', status: 'completed', output: 'twice' },
    ]);
    expect(probes.count('effect')).toBe(1);
    // Its result was stored.
    expect(probes.count('say', 'twice')).toBe(1);
    const [effect] = blocksOf(talks.sent(talk.model)[1]?.messages.at(-1) ?? { role: '', content: '' });
    expect(effect).toMatchObject({ is_error: true, content: expect.stringMatching(/^unknown outcome/) });
  });

  it.concurrent('has no result if that comes only then, together with others or alone', async () => {
    const talk = await talks.start(PROBES);
    const [ada, bob] = [`Ada of ${talk.model}`, `Bob of ${talk.model}`];
    const meeting = (words: string): Step => ({
      toolUse: { name: 'probe__meet', input: { me: ada, other: bob, words } },
    });
    const arrives = () => probes.call('meet', { me: bob, other: ada }, new AbortController().signal);
    const calls = streaming(meeting(`${ada} 1`), meeting(`${ada} 2`), meeting(`${ada} 3`));
    const { run, results } = await losing(talk, [calls, saying('Well')], 'tool.call', undefined, arrives);
    expect(run).toMatchObject({ status: 'completed', attempts: 2 });
    expect(results.map(({ output }) => output)).toEqual([bob, bob, bob]);
    // Had one been stored, it would not have been made again.
    for (const n of [1, 2, 3]) expect(probes.count('meet', `${ada} ${n}`)).toBe(2);
  });

  it.concurrent(
    'is made again if it does no harm',
    async () => {
      const talk = await talks.start({ ...PROBES, resourceLimits: { maxExecutionTimeMs: 2_500 } });
      const { run } = await losing(talk, [streaming({ toolUse: { name: 'probe__wait' } })], 'tool.call');
      expect(run).toMatchObject({ attempts: 2, error: { code: 'max_execution_time_exceeded' } });
      expect(probes.count('wait')).toBe(2);
    },
    30_000,
  );
});

describe('A run that is lost again and again', () => {
  it.concurrent('is given up after five times without a step', async () => {
    const talk = await talks.start();
    const { run, message } = await losing(
      talk,
      [{ silent: true }],
      'message.created',
      'barren_takeovers = 4, progressed = false',
    );
    expect(run).toMatchObject({ status: 'failed', error: { code: 'worker_lost' } });
    expect(message).toBeNull();
    expect(talks.sent(talk.model).length).toBeLessThanOrEqual(1);
  });

  it.concurrent('is not given up while it gets on', async () => {
    const talk = await talks.start();
    const replies = [streaming({ text: 'It' }, HANG), saying('Done')];
    const { run } = await losing(talk, replies, 'It', 'barren_takeovers = 4, progressed = true');
    expect(run).toMatchObject({ status: 'completed', attempts: 2 });
  });

  it.concurrent(
    'keeps its time together',
    async () => {
      const talk = await talks.start({ resourceLimits: { maxExecutionTimeMs: 60_000 } });
      const { run } = await losing(talk, [streaming({ text: 'It' }, HANG), saying('Done')], 'It', 'active_ms = 50000');
      expect(run.status).toBe('completed');
      const [row] = await asSystem<{ active: number }>(db, 'SELECT active_ms::int AS active FROM runs WHERE id = :id', {
        id: run.id,
      });
      expect(row?.active).toBeGreaterThanOrEqual(50_000);
      expect(row?.active).toBeLessThan(60_000);
      const other = await talks.start({ resourceLimits: { maxExecutionTimeMs: 60_000 } });
      const spent = await losing(other, [streaming({ text: 'It' }, HANG)], 'It', 'active_ms = 60000');
      expect(spent.run).toMatchObject({ status: 'failed', error: { code: 'max_execution_time_exceeded' } });
      expect(talks.sent(other.model)).toHaveLength(1);
    },
    30_000,
  );

  it.concurrent('and was to be cancelled ends with what was shown', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    const round = streaming({ text: 'Let me see.' }, { toolUse: { name: 'calculator__add', input: { a: 1, b: 2 } } });
    const replies = [round, streaming({ text: 'It is' }, HANG)];
    const { run, message, discarded } = await losing(talk, replies, 'It is', 'cancel_requested_at = now()');
    expect(run).toMatchObject({ status: 'cancelled', usage: { estimated: true } });
    expect(message?.content).toBe('Let me see.\n\nIt is');
    expect(discarded).toEqual([]);
  });
});
