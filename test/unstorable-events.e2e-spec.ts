import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Sent } from './conversations.js';
import type { Member } from './given.js';
import { Processes } from './processes.js';
import { saying, type Reply } from './upstream/reply.js';

/** What reaches the database is cleaned before; this stands for data that is refused there all the same. */
const PICKY = `
  ALTER TABLE run_events ADD CONSTRAINT picky CHECK (data::text NOT LIKE '%indigestible%') NOT VALID;
  ALTER TABLE messages ADD CONSTRAINT picky CHECK (content NOT LIKE '%indigestible%' OR role <> 'assistant') NOT VALID`;

let processes: Processes;
let owner: Member;

beforeAll(async () => {
  processes = await Processes.start({ sql: PICKY });
  owner = await processes.owner();
}, 120_000);
afterAll(() => processes.close(), 30_000);

async function begin(words: string): Promise<string> {
  const as = processes.as(owner);
  const body = { model: 'claude-haiku-4-5', tools: ['calculator:*'] };
  const { id } = (await as.post('/sessions', body).expect(201)).json<{ id: string }>();
  const sent = await as.post(`/sessions/${id}/messages`, { content: words, background: true }).expect(202);
  return sent.json<Sent>().run.id;
}

const REFUSED = { status: 'failed', error: { code: 'internal_error' }, attempts: 1 };
const adding: Reply = {
  steps: [{ text: 'Let me see.' }, { toolUse: { name: 'calculator__add', input: { a: 1, b: 1 } } }],
};

describe('A run that says what can not be stored', () => {
  it('fails, and takes no other along', async () => {
    const slowly = (...words: string[]): Reply => ({ steps: words.flatMap((text) => [{ text }, { pauseMs: 200 }]) });
    processes.answers('bad', slowly('This', ' is', ' indigestible', ' food'));
    processes.answers('good', slowly('This', ' is', ' good', ' food', '.'));
    const runs = await Promise.all([begin('good'), begin('bad')]);
    const [good, bad] = await Promise.all(runs.map((runId) => processes.follow(owner, runId)));
    expect(good?.run).toMatchObject({ status: 'completed', attempts: 1 });
    expect(good?.message?.content).toBe('This is good food.');
    expect(good?.discarded).toEqual([]);
    expect(bad).toMatchObject({ run: REFUSED, message: null, discarded: ['This is'] });
  }, 60_000);

  it('keeps the steps that it had finished', async () => {
    processes.answers('step', adding, {
      steps: [{ text: 'It is' }, { pauseMs: 300 }, { text: ' indigestible' }, { hang: true }],
    });
    const { run, message, results } = await processes.follow(owner, await begin('step'));
    expect(run).toMatchObject(REFUSED);
    expect(message).toMatchObject({ content: 'Let me see.', toolCalls: [{ output: '2' }] });
    expect(results).toHaveLength(1);
    expect(processes.asked('step')).toBe(2);
  }, 60_000);

  it('also fails where it would be stored with its end', async () => {
    processes.answers('end', saying('indigestible'));
    const { run, message } = await processes.follow(owner, await begin('end'));
    expect(run).toMatchObject(REFUSED);
    expect(message).toBeNull();
    expect(processes.asked('end')).toBe(1);
  }, 60_000);
});
