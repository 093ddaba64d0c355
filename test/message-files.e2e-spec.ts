import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import { faultyFields } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Client } from './client.js';
import { Conversations, manyModels, type Talk } from './conversations.js';
import { Given } from './given.js';
import { eventually } from './platform-fixtures.js';
import { bombPdf, document, gif, pdf, png, upload } from './sample-files.js';
import { TestSocket } from './sockets.js';
import { failing, saying } from './upstream/reply.js';

const onServers = process.env['TEST_DATABASE_URL'] ? it : it.skip;

let app: TestApp;
let given: Given;
let conversations: Conversations;

beforeAll(async () => {
  app = await startApp(manyModels());
  given = new Given(app);
  conversations = new Conversations(app, given);
}, 60_000);

afterAll(() => app.close());

const words = (text: string) => ({ type: 'text', text });
const named = (type: string, fileId: string) => ({ type, fileId });
const unlimited = { resourceLimits: { maxTokens: null } };

async function messagesOf({ as, sessionId }: Talk): Promise<MessageDto[]> {
  return (await as.get(`/sessions/${sessionId}/messages`).expect(200)).json<{ data: MessageDto[] }>().data;
}

/** What was sent of the messages of users, without marks. */
function sentBlocks(talk: Talk): object[][] {
  const { messages } = conversations.sent(talk.model).at(-1) ?? { messages: [] };
  return messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => (content as object[]).map((block) => ({ ...block, cache_control: undefined })));
}

async function refusal(as: Client, sessionId: string, body: object): Promise<[number, string[], string]> {
  const answer = await as.post(`/sessions/${sessionId}/messages`, body);
  return [answer.status, faultyFields(answer), answer.text];
}

describe('A message with files', () => {
  it('is stored with their ids and sent with their bytes, again on each turn', async () => {
    const talk = await conversations.start(unlimited);
    const picture = png(30, 20);
    const report = pdf('Quarterly report');
    const image = await upload(talk.as, picture, 'picture.png');
    const paper = await upload(talk.as, report, 'report.pdf');
    const notes = await upload(talk.as, '\ufeffGrüße', 'notes.md');
    const content = [words('Look:'), named('image', image.id.toUpperCase()), words('and read')];
    await conversations.ask(talk, [saying('I see')], { content, attachments: [paper.id, notes.id] });
    const [stored] = await messagesOf(talk);
    expect([stored?.content, stored?.blocks]).toEqual([
      'Look:and read',
      [
        words('Look:'),
        named('image', image.id),
        words('and read'),
        named('document', paper.id),
        named('document', notes.id),
      ],
    ]);
    const base64 = (media_type: string, data: Buffer) => ({
      type: 'base64',
      media_type,
      data: data.toString('base64'),
    });
    const blocks = [
      words('Look:'),
      { type: 'image', source: base64('image/png', picture) },
      words('and read'),
      { type: 'document', title: 'report.pdf', source: base64('application/pdf', report) },
      { type: 'document', title: 'notes.md', source: { type: 'text', media_type: 'text/plain', data: 'Grüße' } },
    ];
    expect(sentBlocks(talk)).toEqual([blocks]);
    await conversations.ask(talk, [saying('Still')], { content: 'And now?' });
    expect(sentBlocks(talk)).toEqual([blocks, [words('And now?')]]);
  });

  it('may hold nothing else, and its last block carries the mark of the cache', async () => {
    const talk = await conversations.start();
    const { id } = await upload(talk.as, gif(), 'a.gif');
    await conversations.ask(talk, [saying('A picture')], { content: [named('image', id)] });
    const [message] = await messagesOf(talk);
    expect([message?.content, message?.blocks]).toEqual(['', [named('image', id)]]);
    const [turn] = conversations.sent(talk.model).at(-1)!.messages;
    expect((turn!.content as { cache_control?: object }[]).map((block) => block.cache_control)).toEqual([
      { type: 'ephemeral' },
    ]);
  });

  it('over a socket or to a busy session is checked alike', async () => {
    const talk = await conversations.start();
    app.upstream.enqueue({ silent: true });
    const sent = await talk.as.post(`/sessions/${talk.sessionId}/messages`, { content: 'Hi', background: true });
    const body = { content: 'Hi', attachments: [v7()] };
    expect((await refusal(talk.as, talk.sessionId, body)).slice(0, 2)).toEqual([422, ['attachments[0]']]);
    const socket = await TestSocket.connect(app.url, talk.as.token ?? '');
    const said = await socket.say('message.send', { sessionId: talk.sessionId, ...body });
    expect(said).toMatchObject({ ok: false, error: { code: 'validation_error' } });
    socket.close();
    await talk.as.post(`/runs/${sent.json<{ run: { id: string } }>().run.id}/cancel`).expect(200);
  });

  it('naming what the caller may not name is refused, and each is named', async () => {
    const talk = await conversations.start();
    const colleague = await given.member(talk, 'admin');
    const stranger = await given.tenant();
    const theirs = await upload(stranger.as, 'theirs');
    const unused = await upload(colleague.as, 'unused');
    const mine = await upload(talk.as, 'mine');
    const gone = await upload(talk.as, 'gone');
    await talk.as.delete(`/files/${gone.id}`).expect(204);
    const before = (await messagesOf(talk)).length;
    const attachments = [v7(), theirs.id, mine.id, unused.id, gone.id, mine.id];
    const [status, fields, text] = await refusal(talk.as, talk.sessionId, { content: 'Hi', attachments });
    expect([status, fields]).toEqual([422, [0, 1, 3, 4, 5].map((index) => `attachments[${index}]`)]);
    expect(text).toContain('is named twice');
    const content = [words('Hi'), named('document', theirs.id), named('document', mine.id)];
    const nested = await refusal(talk.as, talk.sessionId, { content, attachments: [mine.id] });
    expect(nested.slice(0, 2)).toEqual([422, ['content[1].fileId', 'attachments[0]']]);
    expect(await messagesOf(talk)).toHaveLength(before);
    await colleague.as.get(`/files/${mine.id}`).expect(404);
  });

  it('naming a picture as a document, or the other way, is refused', async () => {
    const talk = await conversations.start();
    const image = await upload(talk.as, png(), 'a.pdf');
    const paper = await upload(talk.as, pdf('x'), 'a.png');
    const content = [named('document', image.id), named('image', paper.id)];
    const [status, fields, text] = await refusal(talk.as, talk.sessionId, { content });
    expect([status, fields]).toEqual([422, ['content[0].fileId', 'content[1].fileId']]);
    expect(text).toContain('the file is application/pdf');
  });

  it('with more than a provider takes is refused at once', async () => {
    const talk = await conversations.start(unlimited);
    const heavy = Buffer.concat([png(), randomBytes(4_000_000)]);
    const long = pdf(...Array.from({ length: 101 }, (_, page) => `Page ${page}`));
    const half = pdf(...Array.from({ length: 60 }, (_, page) => `Page ${page}`));
    const large = Buffer.from('x'.repeat(700_000));
    const upLoaded = async (...bytes: Buffer[]) =>
      Promise.all(bytes.map(async (each) => (await upload(talk.as, each, 'file')).id));
    const cases: [string[], string, RegExp][] = [
      [await upLoaded(heavy), 'attachments[0]', /too large an image/],
      [await upLoaded(long), 'attachments[0]', /has 101 pages/],
      [await upLoaded(half, half), 'attachments[1]', /100 pages/],
      [await upLoaded(Buffer.from('x'.repeat(20_000_001))), 'attachments[0]', /too large for a message/],
      [await upLoaded(Buffer.from('a'), large), 'attachments[1]', /too long.* tokens/],
    ];
    for (const [attachments, field, why] of cases) {
      const [status, fields, text] = await refusal(talk.as, talk.sessionId, { content: 'Hi', attachments });
      expect([why, status, fields]).toEqual([why, 422, [field]]);
      expect(text).toMatch(why);
    }
    const images = await Promise.all(Array.from({ length: 21 }, () => upload(talk.as, png())));
    const content = images.map(({ id }) => named('image', id));
    expect((await refusal(talk.as, talk.sessionId, { content })).slice(0, 2)).toEqual([422, ['content[20].fileId']]);
  });
});

describe('A long conversation with files', () => {
  it('keeps the newest that fit into a request, and says of the others that they are left out', async () => {
    const talk = await conversations.start(unlimited);
    for (let turn = 0; turn < 3; turn++) {
      const content = await Promise.all(
        Array.from({ length: 9 }, async () => named('image', (await upload(talk.as, png(), `${turn}.png`)).id)),
      );
      const { run } = await conversations.ask(talk, [saying('ok')], { content });
      expect(run.status).toBe('completed');
    }
    const [first = [], ...others] = sentBlocks(talk) as { type: string; text?: string }[][];
    expect(first.map(({ type }) => type)).toEqual([...Array<string>(7).fill('text'), 'image', 'image']);
    expect(first[0]?.text).toMatch(/^\[The file 0\.png was shown earlier/);
    expect(others.flat().every(({ type }) => type === 'image')).toBe(true);
  });

  it('goes on when a file was deleted, and still shows what was sent', async () => {
    const talk = await conversations.start(unlimited);
    const { id } = await upload(talk.as, 'The key is under the mat', 'secret.txt');
    await conversations.ask(talk, [saying('ok')], { content: 'Keep this', attachments: [id] });
    await talk.as.delete(`/files/${id}`).expect(204);
    const { run } = await conversations.ask(talk, [saying('gone')], { content: 'What was in it?' });
    expect(run.status).toBe('completed');
    expect(sentBlocks(talk)[0]).toEqual([words('Keep this'), words('[file no longer available] (secret.txt)')]);
    expect((await messagesOf(talk))[0]?.blocks).toEqual([words('Keep this'), named('document', id)]);
  });

  it('counts a picture by its pixels, not by its bytes', async () => {
    const talk = await conversations.start({ resourceLimits: { maxTokens: 8_000 } });
    const { id } = await upload(talk.as, Buffer.concat([png(600, 500), randomBytes(500_000)]), 'a.png');
    const { run } = await conversations.ask(talk, [saying('ok')], { content: 'See', attachments: [id] });
    expect(run.status).toBe('completed');
  });

  it('tells of a PDF that can not be read, and sends it to no provider', async () => {
    const talk = await conversations.start(unlimited);
    const { id } = await upload(talk.as, '%PDF-1.7 and nothing more', 'broken.pdf');
    const { run } = await conversations.ask(talk, [saying('ok')], { content: 'Read', attachments: [id] });
    expect(run.status).toBe('completed');
    expect(sentBlocks(talk)[0]).toEqual([words('Read'), words('[The file broken.pdf can not be read: it is broken]')]);
  });
});

describe('A file that messages use', () => {
  it('is seen by who may see one of their sessions, and deleted by its uploader, owners and admins', async () => {
    const owner = await given.session();
    const uploader = await given.member(owner, 'member');
    const member = await given.member(owner, 'member');
    const { id } = await upload(uploader.as, 'shared');
    const session = async (visibility: string) =>
      (await uploader.as.post('/sessions', { agentId: owner.agentId, visibility }).expect(201)).json<{ id: string }>()
        .id;
    const hidden = await session('private');
    await uploader.as.post(`/sessions/${hidden}/messages`, { content: 'a', attachments: [id] }).expect(201);
    await owner.as.get(`/files/${id}`).expect(200);
    await member.as.get(`/files/${id}`).expect(404);
    const shared = await session('tenant');
    await uploader.as.post(`/sessions/${shared}/messages`, { content: 'a', attachments: [id] }).expect(201);
    expect((await member.as.get(`/files/${id}/content`).expect(200)).text).toBe('shared');
    expect((await member.as.delete(`/files/${id}`).expect(403)).json()['code']).toBe('authorization_error');
    // What one may see one may use.
    await member.as.post(`/sessions/${shared}/messages`, { content: 'b', attachments: [id] }).expect(201);
    await uploader.as.patch(`/sessions/${shared}`, { visibility: 'private' }).expect(200);
    await member.as.get(`/files/${id}`).expect(404);
    await uploader.as.patch(`/sessions/${shared}`, { visibility: 'tenant' }).expect(200);
    await uploader.as.delete(`/sessions/${shared}`).expect(204);
    await member.as.get(`/files/${id}`).expect(404);
    await owner.as.delete(`/files/${id}`).expect(204);
    await uploader.as.get(`/files/${id}`).expect(404);
  });

  it('goes with forks of the conversation up to where it was sent, and only so far', async () => {
    const { as, sessionId, tenantId, slug, owner } = await given.session();
    const member = await given.member({ as, tenantId, slug, owner }, 'member');
    const [copied, left] = [await upload(as, 'The code is 4711.'), await upload(as, 'left')];
    for (const { id } of [copied, left])
      await as.post(`/sessions/${sessionId}/messages`, { content: 'Noted', attachments: [id] }).expect(201);
    const [, answer] = (await as.get(`/sessions/${sessionId}/messages`).expect(200)).json<{ data: MessageDto[] }>()
      .data;
    const fork = (await as.post(`/sessions/${sessionId}/fork`, { messageId: answer?.id }).expect(201)).json<{
      id: string;
    }>();
    await as.patch(`/sessions/${fork.id}`, { visibility: 'tenant' }).expect(200);
    await member.as.get(`/files/${copied.id}`).expect(200);
    await member.as.get(`/files/${left.id}`).expect(404);
    const sent = await member.as.post(`/sessions/${fork.id}/messages`, { content: 'What is the code?' }).expect(201);
    expect(sent.json<{ message: { content: string } }>().message.content).toContain('The code is 4711.');
  });

  // The embedded database has one transaction at a time: there, nothing is deleted while a conversation is forked.
  onServers('is left out of a fork while it is deleted', async () => {
    const { as, sessionId, tenantId } = await given.session();
    const [deleted, kept] = [await upload(as, 'deleted'), await upload(as, 'kept')];
    const attachments = [deleted.id, kept.id];
    await as.post(`/sessions/${sessionId}/messages`, { content: 'Noted', attachments }).expect(201);
    const db = app.nest.get(Db);
    const waits = () =>
      db.sql(
        `SELECT FROM pg_locks WHERE transactionid = pg_current_xact_id()::xid AND NOT granted AND :tenantId <> ''`,
      );
    const { forking } = await runAs(Actor.job(tenantId), () =>
      db.run(async () => {
        await db.sql('DELETE FROM files WHERE tenant_id = :tenantId AND id = :id', { id: deleted.id });
        const forking = as.post(`/sessions/${sessionId}/fork`).then((answer) => answer);
        await eventually(waits, (rows) => rows.length > 0);
        return { forking };
      }),
    );
    const fork = await forking;
    expect(fork.status).toBe(201);
    const uses = await runAs(Actor.job(tenantId), () =>
      db.sql('SELECT file_id FROM file_uses WHERE tenant_id = :tenantId AND session_id = :id', {
        id: fork.json<{ id: string }>().id,
      }),
    );
    expect(uses).toEqual([{ file_id: kept.id }]);
  });

  it('stays with a message whose text is changed', async () => {
    const talk = await conversations.start(unlimited);
    const { id } = await upload(talk.as, 'text', 'a.txt');
    await conversations.ask(talk, [saying('ok')], { content: 'Frist', attachments: [id] });
    const [message] = await messagesOf(talk);
    const changed = await talk.as.patch(`/messages/${message?.id}`, { content: 'First' }).expect(200);
    expect(changed.json<MessageDto>().blocks).toEqual([words('First'), named('document', id)]);
  });
});

describe('A file that the provider refuses', () => {
  it('is left out with a note, then and from then on', async () => {
    const talk = await conversations.start(unlimited);
    const broken = await upload(talk.as, png(30, 20).subarray(0, 60), 'cut.png');
    const refused = failing(400, {}, 'messages.0.content.1.image.source.base64: Could not process image');
    const first = await conversations.ask(talk, [refused, saying('I see none')], {
      content: 'Look',
      attachments: [broken.id],
    });
    expect(first).toMatchObject({ message: { content: 'I see none' }, run: { status: 'completed' } });
    await conversations.ask(talk, [refused, saying('Fine')], { content: 'Never mind' });
    const [shown] = sentBlocks(talk);
    expect(shown).toEqual([
      words('Look'),
      words(expect.stringContaining('The file cut.png can not be shown') as never),
    ]);
  });
});

describe('A session that begins with a file alone', () => {
  it('has its title from the file, or from the answer', async () => {
    const titles = [];
    for (const body of [{ content: [] as object[], name: 'budget.txt' }, { content: '<b></b>' }]) {
      const talk = await conversations.start(unlimited);
      const file = 'name' in body ? await upload(talk.as, 'text', body.name) : null;
      const content = file ? [named('document', file.id)] : body.content;
      await conversations.ask(talk, [saying('Costs have grown')], { content });
      titles.push((await talk.as.get(`/sessions/${talk.sessionId}`)).json()['title']);
    }
    expect(titles).toEqual(['budget.txt', 'Costs have grown']);
  });
});

describe('The offline model', () => {
  async function answer(attachments: string[], as: Client, agentId: string, content: unknown): Promise<string> {
    const sessionId = (await as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>().id;
    const sent = await as.post(`/sessions/${sessionId}/messages`, { content, attachments }).expect(201);
    return sent.json<{ message: { content: string } }>().message.content;
  }

  async function asked(bytes: Buffer | string, name: string, content: string): Promise<string> {
    const { as, agentId } = await given.agent(unlimited);
    const { id } = await upload(as, bytes, name);
    return answer([id], as, agentId, content);
  }

  it('answers from texts and PDFs', async () => {
    const text = 'The harbour was built in 1820. The lighthouse keeper is called Ingrid.\n';
    const question = 'Who is the lighthouse keeper?';
    expect(await asked(text, 'harbour.txt', question)).toContain('The lighthouse keeper is called Ingrid.');
    expect(await asked(pdf('Nothing here.', text), 'harbour.pdf', question)).toContain('keeper is called Ingrid.');
  });

  it('says what it got, also where nothing was asked', async () => {
    const { as, agentId } = await given.agent();
    const image = await upload(as, png(30, 20), 'a.png');
    const told = await answer([], as, agentId, [named('image', image.id)]);
    expect(told).toContain(`a.png (image/png, ${image.sizeBytes} bytes) is an image of 30 × 20 pixels`);
    expect(await asked(pdf('Hello there', 'Second'), 'a.pdf', 'Well?')).toMatch(
      /a\.pdf \(application\/pdf, \d+ bytes, 2 pages\) begins: "Hello there/,
    );
    expect(await asked(' \n', 'blank.txt', 'Well?')).toContain('[The file blank.txt is empty]');
    expect(await asked(pdf(''), 'blank.pdf', 'Well?')).toContain('holds no text');
  });

  it('says why of what it can not read', async () => {
    expect(await asked('%PDF-1.4 nonsense', 'bad.pdf', 'Well?')).toContain('bad.pdf can not be read: it is broken');
    const bomb = bombPdf();
    expect(bomb.length).toBeLessThan(1_000_000);
    expect(await asked(bomb, 'bomb.pdf', 'Well?')).toContain('bomb.pdf can not be read: it takes more time or memory');
    expect(await asked('Still here.', 'a.txt', 'Well?')).toContain('Still here.');
  }, 120_000);

  it.each([
    ['basicapi.pdf', 'Table Of Content'],
    ['arabic.pdf', 'العربية'],
    ['multi-column.pdf', 'Dense Passage Retrieval'],
    ['empty.pdf', 'holds no text'],
    ['scanned.pdf', 'holds no text'],
    ['aes256-password.pdf', 'it is encrypted'],
    ['pages-tree-cycle.pdf', 'it is broken'],
    ['redhat-fuzz.pdf', 'it is broken'],
  ])("reads others' documents: %s", async (name, told) => {
    const bytes = document(name);
    if (bytes) expect(await asked(bytes, name, 'Well?')).toContain(told);
  });
});
