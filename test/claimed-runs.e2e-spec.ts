import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { JobQueue } from '../src/platform/jobs/job-queue.js';
import { WorkClaims } from '../src/platform/jobs/work-claims.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels } from './conversations.js';
import { shownTo } from './transcript.js';
import { saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

describe('A run that is stored by a process with room for it', () => {
  it('begins without being claimed again', async () => {
    const claim = jest.spyOn(app.nest.get(WorkClaims), 'claim');
    const talk = await talks.start();
    const { run } = await talks.ask(talk, [saying('At once')]);
    expect(claim.mock.calls).toEqual([]);
    expect(run).toMatchObject({ status: 'completed', attempts: 1 });
    claim.mockRestore();
  });

  it('is handed back when the room is taken meanwhile, and answered by whoever claims it', async () => {
    const ring = jest.spyOn(app.nest.get(JobQueue), 'ringHere').mockReturnValueOnce(false);
    const talk = await talks.start();
    const { run, message } = await talks.ask(talk, [saying('A little later')]);
    expect(message?.content).toBe('A little later');
    expect(run).toMatchObject({ status: 'completed', attempts: 2 });
    ring.mockRestore();
  });

  it.each([
    ['many', { rounds: 110, length: 1 }],
    ['long', { rounds: 12, length: 12_000 }],
  ])('begins with all that was said also where its messages are %s', async (_what, { rounds, length }) => {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    const said = Array.from({ length: rounds }, (_, round) => `Q${round} ${'x'.repeat(length)}`);
    for (const content of said) await talks.ask(talk, [saying('Noted')], { content });
    await talks.ask(talk, [saying('All of it')], { content: 'And?' });
    expect(shownTo(talks.sent(talk.model).at(-1)).filter((text) => text.startsWith('Q'))).toEqual(said);
  });

  it('is claimed like any other where there is no room', async () => {
    const full = jest.spyOn(app.nest.get(JobQueue), 'hasRoom').mockReturnValue(false);
    const talk = await talks.start();
    expect((await talks.ask(talk, [saying('In turn')])).run).toMatchObject({ status: 'completed', attempts: 1 });
    full.mockRestore();
  });
});
