import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { SessionDto } from '../src/modules/sessions/sessions.dto.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import { Conversations, manyModels, type Sent, type Talk } from './conversations.js';
import { eventually } from './platform-fixtures.js';
import { allEvents, eventsOf } from './sse.js';
import { told } from './told.js';
import { messagesOf, saidIn, shownTo } from './transcript.js';
import { calling, failing, saying } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
}, 60_000);
afterAll(() => app.close());

/** Q1 A1 Q2 A2. */
async function twoRounds(): Promise<Talk & { messages: MessageDto[] }> {
  const talk = await talks.rounds(2);
  return { ...talk, messages: await messagesOf(talk) };
}

const sessionOf = async ({ as, sessionId }: Talk) =>
  (await as.get(`/sessions/${sessionId}`).expect(200)).json<SessionDto>();
const lastShown = (talk: Talk) => shownTo(talks.sent(talk.model).at(-1));

/** What the model is shown with a further message. */
async function shownAfter(talk: Talk, content: string): Promise<string[]> {
  await talks.ask(talk, [saying('A')], { content });
  return lastShown(talk);
}

/** A message is sent that the model never answers to the end. */
async function busy(talk: Talk): Promise<string> {
  const before = talks.sent(talk.model).length;
  app.upstream.enqueue({ steps: [{ text: 'Well' }, { hang: true }] });
  const path = `/sessions/${talk.sessionId}/messages`;
  const { run } = (await talk.as.post(path, { content: 'Hold on', background: true }).expect(202)).json<Sent>();
  await eventually(
    () => talks.sent(talk.model).length,
    (count) => count > before,
  );
  return run.id;
}

describe('A message that is edited', () => {
  it('has another text from then on, for readers and for the model', async () => {
    const talk = await twoRounds();
    const [question, answer] = talk.messages;
    const edited = (await talk.as.patch(`/messages/${question!.id}`, { content: 'Q1, better' }).expect(200)).json();
    expect(edited).toEqual({
      ...question,
      content: 'Q1, better',
      blocks: [{ type: 'text', text: 'Q1, better' }],
      updatedAt: expect.any(String),
    });
    expect((await talk.as.get(`/messages/${question!.id}`)).json()).toEqual(edited);
    expect(await saidIn(talk)).toEqual(['Q1, better', 'A1', 'Q2', 'A2']);
    await talks.ask(talk, [saying('A3')], { content: 'Q3' });
    expect(lastShown(talk)).toEqual(['Q1, better', 'A1', 'Q2', 'A2', 'Q3']);
    expect((await talk.as.get(`/messages/${answer!.id}`)).json()).toEqual(answer);
    const log = (await talk.as.get(`/audit-logs?resourceId=${question!.id}`)).json<{ data: object[] }>();
    expect(log.data).toMatchObject([{ action: 'message.updated', resourceType: 'message' }]);
  });

  it('has one text in place of several', async () => {
    const talk = await talks.start();
    const content = [
      { type: 'text', text: 'One ' },
      { type: 'text', text: 'two' },
    ];
    await talks.ask(talk, [saying('A1')], { content });
    const [question] = await messagesOf(talk);
    const edited = (await talk.as.patch(`/messages/${question!.id}`, { content: 'Three' }).expect(200)).json();
    expect(edited).toMatchObject({ content: 'Three', blocks: [{ type: 'text', text: 'Three' }] });
  });

  it('has other metadata, an answer too, and null resets it', async () => {
    const { as, messages } = await twoRounds();
    for (const { id } of messages.slice(0, 2)) {
      const one = (await as.patch(`/messages/${id}`, { metadata: { a: { b: 1 } } }).expect(200)).json<MessageDto>();
      expect(one.metadata).toEqual({ a: { b: 1 } });
      const other = (await as.patch(`/messages/${id}`, { metadata: { c: 2 } }).expect(200)).json<MessageDto>();
      expect([other.metadata, other.content]).toEqual([{ c: 2 }, one.content]);
      expect((await as.patch(`/messages/${id}`, { metadata: null }).expect(200)).json()).toMatchObject({
        metadata: {},
      });
    }
  });

  it('is refused what it can not be', async () => {
    const { as, messages } = await twoRounds();
    const [question, answer] = messages;
    const refused = async (id: string, body: object) =>
      faultyFields(await as.patch(`/messages/${id}`, body).expect(422));
    expect(await refused(answer!.id, { content: 'I never said so' })).toEqual(['content']);
    expect(await refused(answer!.id, { content: 'I never said so', metadata: { a: 1 } })).toEqual(['content']);
    for (const content of ['', ' \n', null, 1, ['a'], 'a\u0000']) {
      expect([content, await refused(question!.id, { content })]).toEqual([content, ['content']]);
    }
    expect(await refused(question!.id, { metadata: 'a' })).toEqual(['metadata']);
    for (const field of ['role', 'id', 'sessionId', 'blocks', 'feedback', 'createdAt']) {
      expect(await refused(question!.id, { [field]: question!.id })).toEqual([field]);
    }
    expect((await as.get(`/messages/${answer!.id}`)).json()).toEqual(answer);
    expect((await as.get(`/messages/${question!.id}`)).json()).toEqual(question);
  });

  it('keeps its text while a run is on', async () => {
    const talk = await twoRounds();
    const [question] = talk.messages;
    await busy(talk);
    const path = `/messages/${question!.id}`;
    expect((await talk.as.patch(path, { content: 'Now' }).expect(409)).json()).toMatchObject({
      code: 'run_in_progress',
    });
    expect((await talk.as.delete(path).expect(409)).json()).toMatchObject({ code: 'run_in_progress' });
    await talk.as.patch(path, { metadata: { seen: true } }).expect(200);
    await talk.as.post(`/sessions/${talk.sessionId}/interrupt`).expect(200);
    await talk.as.patch(path, { content: 'Now' }).expect(200);
  });
});

describe('A message that is deleted', () => {
  it('is gone from lists, counts and history', async () => {
    const talk = await twoRounds();
    const [, , question, answer] = talk.messages;
    await talk.as.delete(`/messages/${answer!.id}`).expect(204);
    for (const send of [talk.as.get(`/messages/${answer!.id}`), talk.as.delete(`/messages/${answer!.id}`)]) {
      expect((await send).status).toBe(404);
    }
    await talk.as.patch(`/messages/${answer!.id}`, { metadata: {} }).expect(404);
    await talk.as.post(`/messages/${answer!.id}/regenerate`).expect(404);
    await talk.as.put(`/messages/${answer!.id}/feedback`, { rating: 1 }).expect(404);
    expect([await saidIn(talk), (await sessionOf(talk)).messageCount]).toEqual([['Q1', 'A1', 'Q2'], 3]);
    await talk.as.delete(`/messages/${question!.id}`).expect(204);
    await talks.ask(talk, [saying('A3')], { content: 'Q3' });
    expect(lastShown(talk)).toEqual(['Q1', 'A1', 'Q3']);
    expect([await saidIn(talk), (await sessionOf(talk)).messageCount]).toEqual([['Q1', 'A1', 'Q3', 'A3'], 4]);
  });

  it('leaves a history that begins with a user, whichever it was', async () => {
    for (const which of [0, 1, 2]) {
      const talk = await talks.start({ tools: ['calculator:*'] });
      await talks.ask(talk, [calling('calculator__add', { a: 1, b: 2 }), saying('3')], { content: 'Q1' });
      await talks.ask(talk, [calling('calculator__add', { a: 3, b: 4 }), saying('7')], { content: 'Q2' });
      await talk.as.delete(`/messages/${(await messagesOf(talk))[which]!.id}`).expect(204);
      const { run } = await talks.ask(talk, [saying('A3')], { content: 'Q3' });
      expect([which, run.status, lastShown(talk)[0]]).toEqual([
        which,
        'completed',
        which === 0 ? 'Q2' : expect.stringMatching(/^Q1/),
      ]);
    }
  });

  it('and another at the same time are two', async () => {
    const talk = await twoRounds();
    const { as, messages } = talk;
    const all = [...messages, ...messages].map(({ id }) => Promise.resolve(as.delete(`/messages/${id}`)));
    const statuses = (await Promise.all(all)).map(({ status }) => status).sort();
    expect(statuses).toEqual([204, 204, 204, 204, 404, 404, 404, 404]);
    expect(await sessionOf(talk)).toMatchObject({ messageCount: 0, status: 'active' });
  });
});

describe('Feedback', () => {
  it('is of an answer, and the last counts', async () => {
    const { as, messages } = await twoRounds();
    const [question, answer] = messages;
    const path = `/messages/${answer!.id}/feedback`;
    const first = (await as.put(path, { rating: -1, comment: 'No 👎' }).expect(200)).json();
    expect(first).toMatchObject({ id: answer!.id, content: 'A1', feedback: { rating: -1, comment: 'No 👎' } });
    const second = (await as.put(path, { rating: 1 }).expect(200)).json();
    expect(second).toMatchObject({ feedback: { rating: 1, comment: null } });
    expect((await as.get(`/messages/${answer!.id}`)).json()).toEqual(second);
    await as.put(`/messages/${question!.id}/feedback`, { rating: 1 }).expect(409);
    for (const [body, field] of [
      [{}, 'rating'],
      [{ rating: 0 }, 'rating'],
      [{ rating: '1' }, 'rating'],
      [{ rating: 1, comment: 'x'.repeat(2001) }, 'comment'],
      [{ rating: 1, by: 'me' }, 'by'],
    ] as const) {
      expect(faultyFields(await as.put(path, body).expect(422))).toEqual([field]);
    }
  });
});

describe('An answer made anew', () => {
  it.each([
    ['the answer', 3],
    ["the user's message", 2],
  ])('by %s replaces the old one', async (_what, at) => {
    const talk = await twoRounds();
    const [, , question, old] = talk.messages;
    app.upstream.enqueue(saying('B2'));
    const answer = await talk.as.post(`/messages/${talk.messages[at]!.id}/regenerate`).expect(201);
    const { message, run } = answer.json<Sent>();
    expect(run).toMatchObject({ trigger: 'regenerate', status: 'completed', messageId: question!.id });
    expect(message).toMatchObject({ content: 'B2', runId: run.id, parentMessageId: question!.id });
    expect(lastShown(talk)).toEqual(['Q1', 'A1', 'Q2']);
    await talk.as.get(`/messages/${old!.id}`).expect(404);
    expect(await messagesOf(talk)).toEqual([...talk.messages.slice(0, 3), message]);
    expect(await sessionOf(talk)).toMatchObject({ messageCount: 4, status: 'active' });
    await talks.ask(talk, [saying('A3')], { content: 'Q3' });
    expect(lastShown(talk)).toEqual(['Q1', 'A1', 'Q2', 'B2', 'Q3']);
  });

  it('in the middle ends what came after it, and what was deleted before stays so', async () => {
    const talk = await twoRounds();
    await talks.ask(talk, [saying('A3')], { content: 'Q3' });
    await talk.as.delete(`/messages/${talk.messages[3]!.id}`).expect(204);
    const [question] = talk.messages;
    await talk.as.patch(`/messages/${question!.id}`, { content: 'Q1, better' }).expect(200);
    for (const text of ['B1', 'C1']) {
      app.upstream.enqueue(saying(text));
      await talk.as.post(`/messages/${question!.id}/regenerate`, {}).expect(201);
      expect([lastShown(talk), await saidIn(talk)]).toEqual([['Q1, better'], ['Q1, better', text]]);
      expect((await sessionOf(talk)).messageCount).toBe(2);
    }
  });

  it('is streamed, or made in the background, with what a message may say', async () => {
    const talk = await twoRounds();
    const other = talks.model();
    const id = talk.messages[2]!.id;
    app.upstream.enqueue(saying('B', '2'));
    const body = { stream: true, model: other, context: { page: 7 }, metadata: { again: 1 } };
    const stream = await talk.as.fetch('POST', `/messages/${id}/regenerate`, body);
    const streamed = told(await allEvents(stream));
    await talks.check(talk.as, streamed);
    expect(streamed.types.slice(0, 2)).toEqual(['run.started', 'message.started']);
    expect([streamed.message?.content, streamed.run.model]).toEqual(['B2', other]);
    expect(shownTo(talks.sent(other).at(-1))).toEqual(['Q1', 'A1', 'Q2']);
    expect((await talk.as.get(`/messages/${id}`)).json()).toMatchObject({ metadata: { again: 1 } });
    expect(await sessionOf(talk)).toMatchObject({ context: { page: 7 } });

    app.upstream.enqueue(saying('C2'));
    const { run, message } = (
      await talk.as.post(`/messages/${id}/regenerate`, { background: true }).expect(202)
    ).json<Sent>();
    expect([run.status, message]).toEqual(['queued', undefined]);
    expect(told(await allEvents(await talk.as.fetch('GET', `/runs/${run.id}/events`))).message?.content).toBe('C2');
    expect(await saidIn(talk)).toEqual(['Q1', 'A1', 'Q2', 'C2']);
  });

  it('that fails or is cancelled before a word leaves all as it was, to be asked again', async () => {
    const talk = await twoRounds();
    const path = `/messages/${talk.messages[0]!.id}/regenerate`;
    app.upstream.enqueue(failing(400));
    expect((await talk.as.post(path).expect(201)).json()).toMatchObject({ message: null, run: { status: 'failed' } });
    expect(await messagesOf(talk)).toEqual(talk.messages);
    app.upstream.enqueue({ silent: true });
    const { run } = (await talk.as.post(path, { background: true }).expect(202)).json<Sent>();
    expect(await saidIn(talk)).toEqual(['Q1']);
    await talk.as.post(`/runs/${run.id}/cancel`);
    await eventually(
      () => sessionOf(talk),
      ({ status }) => status === 'active',
    );
    expect(await messagesOf(talk)).toEqual(talk.messages);
    expect(await sessionOf(talk)).toMatchObject({ messageCount: 4 });
    expect(await shownAfter(talk, 'Q3')).toEqual(['Q1', 'A1', 'Q2', 'A2', 'Q3']);
  });

  it('that fails after it said something keeps that instead', async () => {
    const talk = await twoRounds();
    app.upstream.enqueue({ steps: [{ text: 'Half' }, { hang: true }] });
    const path = `/messages/${talk.messages[2]!.id}/regenerate`;
    for await (const { type, runId } of eventsOf(await talk.as.fetch('POST', path, { stream: true }))) {
      if (type === 'message.delta') await talk.as.post(`/runs/${runId}/cancel`);
    }
    expect(await saidIn(talk)).toEqual(['Q1', 'A1', 'Q2', 'Half']);
  });

  it('may be asked for again after one that failed', async () => {
    const talk = await twoRounds();
    const path = `/messages/${talk.messages[2]!.id}/regenerate`;
    app.upstream.enqueue(failing(400));
    await talk.as.post(path).expect(201);
    app.upstream.enqueue(saying('B2'));
    await talk.as.post(path).expect(201);
    expect(await saidIn(talk)).toEqual(['Q1', 'A1', 'Q2', 'B2']);
  });

  it('is refused while a run is on, where the session is closed, and without a question', async () => {
    const talk = await twoRounds();
    const [question, answer] = talk.messages;
    const path = `/messages/${answer!.id}/regenerate`;
    const refusal = async () => (await talk.as.post(path).expect(409)).json<{ code: string }>().code;
    await busy(talk);
    expect(await refusal()).toBe('run_in_progress');
    await talk.as.post(`/sessions/${talk.sessionId}/interrupt`).expect(200);
    for (const verb of ['pause', 'complete', 'archive']) {
      await talk.as.post(`/sessions/${talk.sessionId}/${verb}`).expect(200);
      expect([verb, await refusal()]).toEqual([verb, 'conflict']);
    }
    await talk.as.post(`/sessions/${talk.sessionId}/resume`).expect(200);
    await talk.as.delete(`/messages/${question!.id}`).expect(204);
    expect(await refusal()).toBe('conflict');
    expect((await saidIn(talk)).slice(0, 3)).toEqual(['A1', 'Q2', 'A2']);
  });

  it('may itself be made anew, by its own id, also in a fork', async () => {
    const talk = await twoRounds();
    app.upstream.enqueue(saying('B1'), saying('C1'));
    let { message } = (await talk.as.post(`/messages/${talk.messages[1]!.id}/regenerate`).expect(201)).json<Sent>();
    ({ message } = (await talk.as.post(`/messages/${message!.id}/regenerate`).expect(201)).json<Sent>());
    expect(message).toMatchObject({ content: 'C1', parentMessageId: talk.messages[0]!.id });
    expect(await saidIn(talk)).toEqual(['Q1', 'C1']);

    const { id: sessionId } = (
      await talk.as.post(`/sessions/${talk.sessionId}/fork`, {}).expect(201)
    ).json<SessionDto>();
    const fork = { ...talk, sessionId };
    for (const text of ['D1', 'E1']) {
      app.upstream.enqueue(saying(text));
      const answer = (await messagesOf(fork)).at(-1);
      await talk.as.post(`/messages/${answer!.id}/regenerate`).expect(201);
      expect(await saidIn(fork)).toEqual(['Q1', text]);
    }
  });

  it('is refused where its question was deleted, though another came before', async () => {
    const talk = await twoRounds();
    await talk.as.delete(`/messages/${talk.messages[2]!.id}`).expect(204);
    await talk.as.post(`/messages/${talk.messages[3]!.id}/regenerate`).expect(409);
    expect(await saidIn(talk)).toEqual(['Q1', 'A1', 'A2']);
  });

  it('is refused with a body that is none of a message', async () => {
    const { as, messages } = await twoRounds();
    const path = `/messages/${messages[3]!.id}/regenerate`;
    const refused = async (body: object) => faultyFields(await as.post(path, body).expect(422));
    expect(await refused({ stream: true, background: true })).toEqual(['background']);
    expect(await refused({ model: 'nosuch' })).toEqual(['model']);
    for (const field of ['content', 'attachments', 'onBusy', 'trigger'])
      expect(await refused({ [field]: 'reject' })).toEqual([field]);
    expect((await as.get(`/messages/${messages[3]!.id}`)).json()).toEqual(messages[3]);
  });

  it('is one, however often it is asked for at once or with a key', async () => {
    const talk = await twoRounds();
    const path = `/messages/${talk.messages[2]!.id}/regenerate`;
    app.upstream.enqueue({ ...saying('B2'), delayMs: 200 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => Promise.resolve(talk.as.post(path))));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    const key = { 'idempotency-key': randomUUID() };
    app.upstream.enqueue(saying('C2'));
    const first = (await talk.as.post(path, undefined, key).expect(201)).json();
    expect((await talk.as.post(path, undefined, key).expect(201)).json()).toEqual(first);
    expect(await saidIn(talk)).toEqual(['Q1', 'A1', 'Q2', 'C2']);
  });
});

describe('Who may change messages', () => {
  it('is who may see them and does not only look', async () => {
    const talk = await twoRounds();
    const [member, viewer] = [await talks.given.member(talk, 'member'), await talks.given.member(talk, 'viewer')];
    const stranger = await talks.given.tenant();
    const id = talk.messages[3]!.id;
    const requests: [string, string, object?][] = [
      ['PATCH', `/messages/${id}`, { metadata: { a: 1 } }],
      ['PUT', `/messages/${id}/feedback`, { rating: 1 }],
      ['POST', `/messages/${id}/regenerate`],
      ['DELETE', `/messages/${id}`],
    ];
    for (const [method, path, body] of requests) {
      for (const [as, status] of [
        [member.as, 404],
        [stranger.as, 404],
        [viewer.as, 403],
      ] as const) {
        expect([method, path, (await as.send(method, path, body)).status]).toEqual([method, path, status]);
      }
    }
    expect(await messagesOf(talk)).toEqual(talk.messages);
    await talk.as.patch(`/sessions/${talk.sessionId}`, { visibility: 'tenant' }).expect(200);
    await member.as.put(`/messages/${id}/feedback`, { rating: 1 }).expect(200);
    await member.as.delete(`/messages/${id}`).expect(204);
  });
});

describe('A session without a title', () => {
  const ask = async (talk: Talk, content: unknown, reply = saying('Fine')) => {
    await talks.ask(talk, [reply], { content });
    return (await sessionOf(talk)).title;
  };

  it('gets one after its first answer, from what was said first, and tells who looks', async () => {
    const talk = await talks.start();
    expect(await ask(talk, '## Plan **my** trip to Rome\n\nThree days.')).toBe('Plan my trip to Rome');
    expect(await ask(talk, 'And to Paris?')).toBe('Plan my trip to Rome');
    expect(talks.sent(talk.model)).toHaveLength(2);
  });

  it('keeps the one somebody gave, before or meanwhile, and gets none from a run that fails', async () => {
    const talk = await talks.start();
    app.upstream.enqueue(failing(400));
    await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'First of all' }).expect(201);
    expect((await sessionOf(talk)).title).toBeNull();
    await busy(talk);
    await talk.as.post(`/sessions/${talk.sessionId}/interrupt`).expect(200);
    expect((await sessionOf(talk)).title).toBeNull();

    app.upstream.enqueue({ steps: [{ text: 'One' }, { pauseMs: 200 }, { text: ' two' }] });
    const path = `/sessions/${talk.sessionId}`;
    const sent = Promise.resolve(talk.as.post(`${path}/messages`, { content: 'Go' }));
    await eventually(
      () => sessionOf(talk),
      ({ status }) => status === 'processing',
    );
    await talk.as.patch(path, { title: 'Given' }).expect(200);
    await sent;
    expect(await sessionOf(talk)).toMatchObject({ title: 'Given', status: 'active' });
    await talk.as.patch(path, { title: null }).expect(200);
    expect(await ask(talk, 'Again')).toBe('First of all');
  });
});
