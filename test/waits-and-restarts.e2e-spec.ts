import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Member } from './given.js';
import { Processes } from './processes.js';
import { saying } from './upstream/reply.js';
import { calling, toTheEnd, type Waiting } from './waiting-runs.js';

let processes: Processes;
let owner: Member;

beforeAll(async () => {
  processes = await Processes.start();
  owner = await processes.owner();
}, 120_000);
afterAll(() => processes.close(), 30_000);

const ASKING = { permissionPolicy: { rules: [{ tool: 'calculator:*', action: 'ask' }] } };
const OPEN_PAGE = { name: 'open_page', description: 'Shows a page', inputSchema: { type: 'object' } };

/** A run that waits for a person and for its application. */
async function waiting(words: string): Promise<Waiting> {
  const body = { model: 'claude-haiku-4-5', tools: ['calculator:*'], clientTools: [OPEN_PAGE], ...ASKING };
  const { id } = (await processes.as(owner).post('/sessions', body).expect(201)).json<{ id: string }>();
  processes.answers(
    words,
    calling(['calculator__add', { a: 40, b: 2 }], ['client__open_page', { page: words }]),
    saying('It is 42'),
  );
  return (await processes.as(owner).post(`/sessions/${id}/messages`, { content: words }).expect(202)).json<Waiting>();
}

describe('A run that waits', () => {
  it.each(['kill', 'stop'] as const)(
    'is answered by other processes than asked, after all were restarted (%s), and completes',
    async (how) => {
      const { run, pendingPermissions, pendingToolCalls } = await waiting(`waiting through a ${how}`);
      await processes.replaceWorker(how);
      await processes.replaceFront();
      const as = processes.as(owner);
      expect((await as.get(`/runs/${run.id}`).expect(200)).json()).toMatchObject({ status: 'waiting' });
      const listed = (await as.get('/permissions?status=pending').expect(200)).json<{ data: { id: string }[] }>().data;
      expect(listed.map(({ id }) => id)).toEqual(pendingPermissions.map(({ id }) => id));
      await as.post(`/permissions/${listed[0]?.id}`, { decision: 'allow' }).expect(200);
      await processes.replaceWorker(how);
      const result = { toolUseId: pendingToolCalls[0]?.toolUseId, content: 'shown' };
      await processes.as(owner).post(`/runs/${run.id}/tool-results`, result).expect(200);
      const end = await toTheEnd(processes.as(owner), run.id);
      expect(end.run).toMatchObject({ status: 'completed', error: null });
      expect(end.message?.content).toBe('It is 42');
      expect(end.message?.toolCalls.map(({ output }) => output)).toEqual(['42', 'shown']);
    },
    120_000,
  );
});
