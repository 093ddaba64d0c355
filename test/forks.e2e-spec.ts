import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { SessionDto } from '../src/modules/sessions/sessions.dto.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { NO_USAGE } from '../src/modules/sessions/usage.js';
import { eventually } from './platform-fixtures.js';
import { messagesOf, saidIn, shownTo } from './transcript.js';
import { calling, saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

const UUID_V7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

async function fork<T extends Pick<Talk, 'as' | 'sessionId'>>(
  talk: T,
  body?: object,
): Promise<T & { fork: SessionDto }> {
  const made = (await talk.as.post(`/sessions/${talk.sessionId}/fork`, body).expect(201)).json<SessionDto>();
  return { ...talk, sessionId: made.id, fork: made };
}

describe('A fork', () => {
  it('has the history up to and including a message, of its own', async () => {
    const talk = await talks.rounds(2);
    const before = await messagesOf(talk);
    const until = before[2]!;
    const { fork: made, ...forked } = await fork(talk, { messageId: until.id, title: 'Another way' });
    expect(made).toMatchObject({
      title: 'Another way',
      status: 'active',
      messageCount: 3,
      forkedFrom: { sessionId: talk.sessionId, messageId: until.id },
      usage: NO_USAGE,
      createdBy: talk.owner.userId,
    });
    expect((await talk.as.get(`/sessions/${made.id}`)).json()).toEqual(made);
    const copies = await messagesOf(forked);
    expect(copies.map(({ content }) => content)).toEqual(['Q1', 'A1', 'Q2']);
    const alike = ({ role, blocks, usage, metadata, createdAt }: MessageDto) => ({
      ...{ role, blocks, usage, metadata, createdAt },
    });
    expect(copies.map(alike)).toEqual(before.slice(0, 3).map(alike));
    for (const copy of copies) {
      expect(copy).toMatchObject({
        id: expect.stringMatching(UUID_V7),
        sessionId: made.id,
        runId: null,
        feedback: null,
      });
      expect(before.map(({ id }) => id)).not.toContain(copy.id);
      await talk.as.get(`/messages/${copy.id}`).expect(200);
    }
    expect(copies.map(({ parentMessageId }) => parentMessageId)).toEqual([null, copies[0]?.id, null]);
    expect(await messagesOf(talk)).toEqual(before);
    const log = await talk.as.get(`/audit-logs?resourceId=${made.id}`);
    expect(log.json<{ data: object[] }>().data).toMatchObject([{ action: 'session.created' }]);
  });

  it('goes on from there, apart from where it comes from', async () => {
    const talk = await talks.rounds(2);
    const [, answer] = await messagesOf(talk);
    const forked = await fork(talk, { messageId: answer!.id });
    await talks.ask(forked, [saying('B2')], { content: 'R2' });
    expect(shownTo(talks.sent(talk.model).at(-1))).toEqual(['Q1', 'A1', 'R2']);
    expect(await saidIn(forked)).toEqual(['Q1', 'A1', 'R2', 'B2']);
    expect(await saidIn(talk)).toEqual(['Q1', 'A1', 'Q2', 'A2']);
    const session = (await talk.as.get(`/sessions/${forked.sessionId}`)).json<SessionDto>();
    const [, , , own] = await messagesOf(forked);
    expect([session.messageCount, session.usage]).toEqual([4, own?.usage]);
  });

  it('of everything, when no message is named, inherits what the session is', async () => {
    const { as, owner, agentId, model } = await talks.start();
    const body = {
      ...{ agentId, title: 'Mine', pattern: 'sidekick', visibility: 'tenant', model, systemPrompt: 'Be brief.' },
      ...{ tools: ['calculator:*'], permissionPolicy: { default: 'ask' }, context: { page: 1 }, metadata: { a: [1] } },
      clientTools: [{ name: 'pick', description: 'Pick', inputSchema: { type: 'object' } }],
    };
    const source = (await as.post('/sessions', body).expect(201)).json<SessionDto>();
    await talks.ask({ as, sessionId: source.id }, [saying('A1')]);
    const { fork: made } = await fork({ as, sessionId: source.id });
    const [, last] = await messagesOf({ as, sessionId: source.id });
    expect(made).toMatchObject({
      ...body,
      status: 'active',
      messageCount: 2,
      createdBy: owner.userId,
      forkedFrom: { sessionId: source.id, messageId: last?.id },
    });
  });

  it('of nothing is a session that was only created', async () => {
    const talk = await talks.start();
    const { fork: made } = await fork(talk, { messageId: null, title: null });
    const forkedFrom = { sessionId: talk.sessionId, messageId: null };
    expect(made).toMatchObject({ status: 'created', messageCount: 0, title: null, forkedFrom });
  });

  it('leaves out what was deleted and what was thought of it, and keeps calls of tools', async () => {
    const talk = await talks.start({ tools: ['calculator:*'] });
    await talks.ask(talk, [saying('Gone')], { content: 'Gone too' });
    const gone = await messagesOf(talk);
    for (const { id } of gone) await talk.as.delete(`/messages/${id}`).expect(204);
    await talks.ask(talk, [calling('calculator__add', { a: 2, b: 3 }), saying('5')], { content: '2 + 3?' });
    const [, answer] = await messagesOf(talk);
    await talk.as.put(`/messages/${answer!.id}/feedback`, { rating: 1 }).expect(200);
    const forked = await fork(talk);
    const copies = await messagesOf(forked);
    expect(copies).toMatchObject([
      { content: '2 + 3?' },
      { content: '5', toolCalls: answer!.toolCalls, feedback: null },
    ]);
    await talks.ask(forked, [saying('Yes')], { content: 'Sure?' });
    expect(shownTo(talks.sent(talk.model).at(-1))).toEqual(['2 + 3?', '<tool_use>', '<tool_result>', '5', 'Sure?']);
  });

  it('of a fork, and its answers made anew, are as of any session', async () => {
    const talk = await talks.rounds(2);
    const first = await fork(talk);
    const second = await fork(first);
    const [, , , last] = await messagesOf(second);
    app.upstream.enqueue(saying('B2'));
    await talk.as.post(`/messages/${last!.id}/regenerate`).expect(201);
    expect(shownTo(talks.sent(talk.model).at(-1))).toEqual(['Q1', 'A1', 'Q2']);
    expect(await saidIn(second)).toEqual(['Q1', 'A1', 'Q2', 'B2']);
    expect(await saidIn(first)).toEqual(['Q1', 'A1', 'Q2', 'A2']);
  });

  it('is made while a run is on, of what is there', async () => {
    const talk = await talks.rounds(2);
    app.upstream.enqueue({ steps: [{ text: 'A3' }, { hang: true }] });
    await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'Q3', background: true }).expect(202);
    await eventually(
      () => talks.sent(talk.model).length,
      (count) => count === 3,
    );
    const forked = await fork(talk);
    expect(forked.fork).toMatchObject({ status: 'active', messageCount: 5 });
    await talks.ask(forked, [saying('B3')], { content: 'Well?' });
    expect(shownTo(talks.sent(talk.model).at(-1))).toEqual(['Q1', 'A1', 'Q2', 'A2', 'Q3 | Well?']);
    await talk.as.post(`/sessions/${talk.sessionId}/interrupt`).expect(200);
  });

  it('is refused at a message of another session or tenant, at a deleted one, and at none', async () => {
    const [talk, stranger] = [await talks.rounds(2), await talks.rounds(2)];
    const { as, sessionId } = talk;
    const other = { as, sessionId: (await as.post('/sessions', { model: talk.model })).json<SessionDto>().id };
    await talks.ask(other, [saying('Other')]);
    const [deleted] = await messagesOf(talk);
    await as.delete(`/messages/${deleted!.id}`).expect(204);
    const alien = [(await messagesOf(other))[0]!.id, (await messagesOf(stranger))[0]!.id, deleted!.id, v7(), 'x', 1];
    for (const messageId of alien) {
      const refused = await as.post(`/sessions/${sessionId}/fork`, { messageId }).expect(422);
      expect(faultyFields(refused)).toEqual(['messageId']);
    }
    await as.post(`/sessions/${sessionId}/fork`, { createdBy: talk.owner.userId }).expect(422);
    await as.post(`/sessions/${sessionId}/fork`, { title: 'x'.repeat(501) }).expect(422);
    expect((await as.get('/sessions')).json<Listed<object>>().data).toHaveLength(2);
  });

  it('is made by who may see the session and create one, and is theirs', async () => {
    const talk = await talks.rounds(2);
    const [member, viewer] = [await talks.given.member(talk, 'member'), await talks.given.member(talk, 'viewer')];
    const path = `/sessions/${talk.sessionId}/fork`;
    await member.as.post(path).expect(404);
    await viewer.as.post(path).expect(403);
    await (await talks.given.tenant()).as.post(path).expect(404);
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    const { fork: made } = await fork({ ...talk, as: member.as });
    expect(made).toMatchObject({ createdBy: member.userId, visibility: 'tenant', messageCount: 4 });
  });
});

describe('A session of 5,000 messages', () => {
  const MESSAGES = 5_000;

  async function long(): Promise<Talk> {
    const talk = await talks.start({ resourceLimits: { maxTokens: null } });
    const { tenantId, sessionId } = talk;
    await runAs(Actor.job(tenantId), () =>
      app.nest.get(Db).run(async () => {
        const db = app.nest.get(Db);
        await db.sql(
          `INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks, parent_message_id)
           SELECT :tenantId, m.id, :sessionId, n, CASE WHEN n % 2 = 1 THEN 'user' ELSE 'assistant' END, 'Text ' || n,
                  jsonb_build_array(jsonb_build_object('type', 'text', 'text', 'Text ' || n)),
                  CASE WHEN n % 2 = 0 THEN lag(m.id) OVER (ORDER BY n) END
           FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, :count::int) AS n) m`,
          { sessionId, count: MESSAGES },
        );
        await db.sql(
          `UPDATE sessions SET message_count = :count, last_position = :count, status = 'active'
           WHERE tenant_id = :tenantId AND id = :sessionId`,
          { sessionId, count: MESSAGES },
        );
      }),
    );
    return talk;
  }

  it('is forked, listed, gone on with, cut short and answered again', async () => {
    const talk = await long();
    const forked = await fork(talk);
    expect(forked.fork.messageCount).toBe(MESSAGES);
    const copies = await messagesOf(forked);
    expect(copies.map(({ content }) => content)).toEqual(Array.from({ length: MESSAGES }, (_, n) => `Text ${n + 1}`));
    expect(new Set(copies.map(({ id }) => id)).size).toBe(MESSAGES);
    const parents = copies.map(({ parentMessageId }, n) => parentMessageId === (n % 2 ? copies[n - 1]!.id : null));
    expect(parents.every(Boolean)).toBe(true);

    const { message } = await talks.ask(forked, [saying('On we go')], { content: 'And now?' });
    const shown = shownTo(talks.sent(talk.model).at(-1));
    expect(shown.slice(-3)).toEqual([`Text ${MESSAGES - 1}`, `Text ${MESSAGES}`, 'And now?']);
    expect(message?.content).toBe('On we go');

    app.upstream.enqueue(saying('From the start'));
    await talk.as.post(`/messages/${copies[1]!.id}/regenerate`).expect(201);
    expect(shownTo(talks.sent(talk.model).at(-1))).toEqual(['Text 1']);
    expect(await saidIn(forked)).toEqual(['Text 1', 'From the start']);
    expect((await talk.as.get(`/sessions/${talk.sessionId}`)).json()).toMatchObject({ messageCount: MESSAGES });
  }, 60_000);
});
