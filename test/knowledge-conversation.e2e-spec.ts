import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MessageDto } from '../src/modules/sessions/messages/messages.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { startApp, type TestApp } from './app.js';
import { ask, askStreaming, chunksOf, verified } from './asked.js';
import { collection, givenFile, settled } from './collections.js';
import { Conversations, manyModels } from './conversations.js';
import { docx, paragraph, pdfPage } from './document-files.js';
import { Given, type Tenant } from './given.js';
import { publicData } from './public-data.js';
import { TestSocket } from './sockets.js';
import { allEvents } from './sse.js';
import { told } from './told.js';
import { searchResultsOf } from './upstream/messages-api.js';
import type { Reply } from './upstream/reply.js';

let app: TestApp;
let talks: Conversations;
let tenant: Tenant;
let collectionId: string;
let pdf: DocumentDto;
let word: DocumentDto;

const PDF = pdfPage([
  [72, 720, 18, 'Expenses'],
  [72, 690, 11, 'Receipts are handed in within thirty days of the journey.'],
  [72, 670, 11, 'Hotels are paid up to one hundred and forty euros a night.'],
]);
const WORD = docx(
  paragraph('Leave', '<w:pStyle w:val="Heading1"/>') +
    paragraph('Staff have twenty-five days of leave a year. Up to five days may be carried over until March 😀.'),
);
const QUESTION = 'How many days of leave do staff have, and when are receipts handed in?';

beforeAll(async () => {
  app = await startApp(manyModels());
  talks = new Conversations(app);
  tenant = await new Given(app).tenant();
  collectionId = (await collection(tenant.as)).id;
  const sent = [
    givenFile(tenant.as, collectionId, PDF, 'expenses.pdf'),
    givenFile(tenant.as, collectionId, WORD, 'leave.docx'),
  ];
  [pdf, word] = (await Promise.all((await Promise.all(sent)).map((one) => settled(tenant.as, one)))) as [
    DocumentDto,
    DocumentDto,
  ];
  expect([pdf.status, word.status]).toEqual(['ready', 'ready']);
}, 90_000);
afterAll(() => app.close());

/** As Claude answers: pieces with what they are taken from, and one that is made up. */
const CITING: Reply = {
  steps: [
    { text: ['Twenty-', 'five days'], cites: 'twenty-five days of leave' },
    { text: ' 😀; receipts ' },
    { text: 'within thirty days', cites: 'Receipts are handed in' },
    { text: ', and a car', cites: 'Hotels are', says: { cited_text: 'Everybody has a car.' } },
    { text: '.' },
  ],
};
const SAID = 'Twenty-five days 😀; receipts within thirty days, and a car.';

async function fromBoth(answer: string, citations: MessageDto['citations']): Promise<void> {
  const cited = await verified(tenant.as, answer, citations);
  expect(cited.map(({ said, documentId }) => [said, documentId])).toEqual([
    ['Twenty-five days', word.id],
    ['within thirty days', pdf.id],
  ]);
}

/** Offline it is answered in the words of the documents. */
async function inTheirWords(answer: string, citations: MessageDto['citations']): Promise<void> {
  expect(answer).toContain('Staff have twenty-five days of leave a year.');
  const cited = await verified(tenant.as, answer, citations);
  expect(cited.length).toBeGreaterThan(0);
  for (const { said, quote } of cited) expect(said).toBe(quote.replace(/\s+/g, ' '));
  expect(cited.map(({ documentId }) => documentId)).toContain(word.id);
}

describe('A PDF and a Word document that were uploaded', () => {
  it('answer a question with what the answer is taken from', async () => {
    const agentId = await talks.given.agentOf(tenant.as, { model: talks.model() });
    const asked = { collectionIds: [collectionId], question: QUESTION, agentId };
    app.upstream.enqueue(CITING, CITING);
    const plain = await ask(tenant.as, asked);
    expect(plain.answer).toBe(SAID);
    await fromBoth(plain.answer, plain.citations);
    expect(new Set(plain.sources.map(({ documentId }) => documentId))).toEqual(new Set([pdf.id, word.id]));
    expect(plain.sources.find(({ documentId }) => documentId === pdf.id)?.page).toBe(1);

    const streamed = await askStreaming(tenant.as, asked);
    expect([streamed.text, streamed.completed?.answer]).toEqual([SAID, SAID]);
    expect(streamed.types.slice(-2)).toEqual(['answer.delta', 'query.completed']);
    await fromBoth(streamed.text, streamed.completed!.citations);
    expect(streamed.completed!.sources).toEqual(plain.sources);
  });

  it('answer it offline too', async () => {
    const asked = { collectionIds: [collectionId], question: 'How many days of leave do staff have?' };
    const plain = await ask(tenant.as, asked);
    await inTheirWords(plain.answer, plain.citations);
    const streamed = await askStreaming(tenant.as, asked);
    expect([streamed.text, streamed.completed?.answer]).toEqual([plain.answer, plain.answer]);
    expect(streamed.completed!.citations).toEqual(plain.citations);
  });

  const searching: Reply = { steps: [{ toolUse: { name: 'rag__search', input: { query: QUESTION } } }] };

  it.each<[string, boolean]>([
    ['Claude', false],
    ['the offline model', true],
  ])(
    'answer in a conversation with an agent of %s, waiting, as a stream, and on a socket',
    async (_name, isOffline) => {
      const model = isOffline ? 'offline' : talks.model();
      const agentId = await talks.given.agentOf(tenant.as, { model, collectionIds: [collectionId] });
      const session = (await tenant.as.post('/sessions', { agentId }).expect(201)).json<{ id: string }>();
      const path = `/sessions/${session.id}/messages`;
      const content = isOffline ? 'How many days of leave do staff have?' : QUESTION;
      const ready = () => (isOffline ? undefined : app.upstream.enqueue(searching, CITING));
      const judge = async (message: MessageDto | null) =>
        isOffline ? inTheirWords(message!.content, message!.citations) : fromBoth(message!.content, message!.citations);

      ready();
      const sent = (await tenant.as.post(path, { content }).expect(201)).json<{ message: MessageDto }>();
      expect(sent.message.toolCalls.map(({ name, isError }) => [name, isError])).toEqual([['rag:search', false]]);
      await judge(sent.message);

      ready();
      const streamed = told(await allEvents(await tenant.as.fetch('POST', path, { content, stream: true })));
      await judge(streamed.message);

      const socket = await TestSocket.connect(app.url, tenant.owner.accessToken);
      await socket.say('session.join', { sessionId: session.id });
      ready();
      const { runId } = await socket.say('message.send', { sessionId: session.id, content });
      await judge(told(await socket.whole(String(runId))).message);
      socket.close();
      const stored = (await tenant.as.get(`${path}?role=assistant`).expect(200)).json<{ data: MessageDto[] }>();
      expect(stored.data).toHaveLength(3);
      for (const message of stored.data) await judge(message);
    },
  );
});

const PUBLIC = ['multi-column.pdf', 'rich-tables.docx'];
const there = PUBLIC.filter((name) => publicData(`documents/${name}`));

(there.length > 0 ? describe : describe.skip)('Documents of others', () => {
  it.each(there)('are cited too: %s', async (name) => {
    const { id } = await collection(tenant.as, { name });
    const document = await settled(tenant.as, await givenFile(tenant.as, id, publicData(`documents/${name}`)!, name));
    expect(document.status).toBe('ready');
    const chunks = await chunksOf(tenant.as, document.id);
    const words = chunks.flatMap(({ content }) => content.match(/[a-z]{2,}(?: [a-z]{2,}){3,}/gi) ?? [])[0]!;
    const agentId = await talks.given.agentOf(tenant.as, { model: talks.model() });
    app.upstream.enqueue({ steps: [{ text: 'It says so', cites: words }, { text: '.' }] });
    const { answer, citations } = await ask(tenant.as, { collectionIds: [id], question: `${words}?`, agentId });
    const cited = await verified(tenant.as, answer, citations);
    expect(cited.map(({ said }) => said)).toEqual(['It says so']);
    expect(cited[0]?.quote).toContain(words);
    const sent = app.upstream.requests.at(-1)!.body;
    expect(searchResultsOf(sent).length).toBeGreaterThan(0);
  });
});
