import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { v7 } from 'uuid';
import type { ChunkDto } from '../src/modules/rag/documents/chunks.dto.js';
import type { CollectionDto } from '../src/modules/rag/collections/collections.dto.js';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { faultyFields, type Listed } from './answers.js';
import { startApp, type TestApp } from './app.js';
import type { Answer } from './client.js';
import { collection, givenFile, givenText, readyText, search, settled } from './collections.js';
import { docx, paragraph, zip } from './document-files.js';
import { Given, type Tenant } from './given.js';
import { eventually } from './platform-fixtures.js';
import { formOf, pdf, png } from './sample-files.js';

const LIMIT = 200_000;

let app: TestApp;
let given: Given;
let tenant: Tenant;
let other: Tenant;
let id: string;

beforeAll(async () => {
  app = await startApp({ UPLOAD_MAX_BYTES: String(LIMIT) });
  given = new Given(app);
  [tenant, other] = [await given.tenant(), await given.tenant()];
}, 60_000);
beforeEach(async () => {
  ({ id } = await collection(tenant.as));
});
afterAll(() => app.close());

function post(body: object): PromiseLike<Answer> {
  return tenant.as.post('/rag/documents', body);
}

function documentOf(answer: Answer): DocumentDto {
  return answer.json<{ document: DocumentDto }>().document;
}

/** A form of a file and what else. */
function form(bytes: Uint8Array | string, name: string, fields: Record<string, string> = {}): FormData {
  const made = formOf(bytes, name);
  for (const [field, value] of Object.entries({ collectionId: id, ...fields })) made.append(field, value);
  return made;
}

async function counts(): Promise<{ documentCount: number; chunkCount: number }> {
  const { documentCount, chunkCount } = (
    await tenant.as.get(`/rag/collections/${id}`).expect(200)
  ).json<CollectionDto>();
  return { documentCount, chunkCount };
}

async function listed(query = ''): Promise<DocumentDto[]> {
  return (await tenant.as.get(`/rag/documents?collectionId=${id}${query}`).expect(200)).json<Listed<DocumentDto>>()
    .data;
}

async function chunksOf(document: DocumentDto, query = ''): Promise<Listed<ChunkDto>> {
  return (await tenant.as.get(`/rag/documents/${document.id}/chunks${query}`).expect(200)).json();
}

/** What lies on the disk of documents, drafts included. */
function onDisk(): string[] {
  const folder = join(app.store.environment['DATA_DIR'] ?? '', 'documents');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

async function leavesNothing(send: () => PromiseLike<Answer>): Promise<Answer> {
  const before = onDisk().join();
  const answer = await send();
  await eventually(
    () => onDisk().join(),
    (now) => now === before,
  );
  return answer;
}

describe('A document', () => {
  it('of a text waits, is read, and can be found', async () => {
    const text = '# Whales\n\nWhales are mammals that live in the sea.';
    const answer = await post({ collectionId: id, text, metadata: { kind: 'animal' } }).then((of) => of);
    expect(answer.status).toBe(202);
    expect(documentOf(answer)).toEqual({
      ...{ id: expect.any(String), collectionId: id, title: 'Whales', mimeType: 'text/markdown', origin: null },
      ...{ sizeBytes: Buffer.byteLength(text), status: 'queued', progress: 0, error: null, chunkCount: 0 },
      ...{ metadata: { kind: 'animal' }, createdBy: tenant.owner.userId },
      ...{ createdAt: expect.any(String), updatedAt: expect.any(String) },
    });
    const ready = await settled(tenant.as, documentOf(answer));
    expect(ready).toMatchObject({ status: 'ready', progress: 1, error: null, chunkCount: 1 });
    expect(await counts()).toEqual({ documentCount: 1, chunkCount: 1 });
    const [found] = await search(tenant.as, { collectionIds: [id], query: 'which mammals live in the sea?' });
    expect(found).toMatchObject({ documentId: ready.id, documentTitle: 'Whales', metadata: { kind: 'animal' } });
  });

  it('of a file is what its bytes are, under its name or title', async () => {
    const metadata = JSON.stringify({ year: 2024, tags: ['ä', '\u{1F468}'] });
    const answer = await post(form(pdf('Whales', 'Dolphins'), 'C:\\papers\\sea.bin', { metadata }));
    expect([answer.status, documentOf(answer)]).toMatchObject([
      202,
      { title: 'sea.bin', mimeType: 'application/pdf', origin: 'sea.bin', metadata: JSON.parse(metadata) as object },
    ]);
    const ready = await settled(tenant.as, documentOf(answer));
    expect(ready).toMatchObject({ status: 'ready', error: null });
    expect((await chunksOf(ready)).data.map(({ page }) => page)).toContain(1);
    const titled = await post(form(docx(paragraph('Squids have ten arms')), 'x.docx', { title: 'Squids' }));
    expect(await settled(tenant.as, documentOf(titled))).toMatchObject({ status: 'ready', title: 'Squids' });
  });

  it.each<[string, string, string]>([
    ['its first line', '\n\n  ## The title ##\ntext', 'The title ##'],
    ['of a list', '* item\n* more', 'item'],
    ['no more than 200 characters of it', 'ä'.repeat(300), 'ä'.repeat(200)],
    ['no half characters', `${'x'.repeat(199)}\u{1F468}`, 'x'.repeat(199)],
    ['whatever there is', '###', '#'],
    ['what comes after much of nothing', `${' \n'.repeat(10_000)}Late\nmore`, 'Late'],
  ])('of a text without a title is called by %s', async (_what, text, title) => {
    expect((await givenText(tenant.as, id, text)).title).toBe(title);
  });

  it.each<[string, object, string]>([
    ['nothing', {}, 'text'],
    ['a text and a URL', { text: 'a', url: 'https://example.com' }, 'text'],
    ['an empty text', { text: '' }, 'text'],
    ['a text of nothing but space', { text: ' \n\t' }, 'text'],
    ['a text that is none', { text: 1 }, 'text'],
    ['NUL', { text: 'a\0b' }, 'text'],
    ['an empty title', { text: 'a', title: ' ' }, 'title'],
    ['a long title', { text: 'a', title: 'x'.repeat(501) }, 'title'],
    ['a file in JSON', { file: 'a' }, 'file'],
    ['metadata as JSON in JSON', { text: 'a', metadata: '{"a":1}' }, 'metadata'],
    ['a list of metadata', { text: 'a', metadata: [1] }, 'metadata'],
    ['much metadata', { text: 'a', metadata: { a: 'x'.repeat(17_000) } }, 'metadata'],
    ['a collection that is none', { text: 'a', collectionId: 'x' }, 'collectionId'],
    ['an unknown collection', { text: 'a', collectionId: v7() }, 'collectionId'],
    ['a field that is not known', { text: 'a', status: 'ready' }, 'status'],
    ['a URL that is none', { url: 'nowhere' }, 'url'],
    ['a URL of another kind', { url: 'file:///etc/passwd' }, 'url'],
    ['a URL with a password', { url: 'https://a:b@example.com/' }, 'url'],
    ['a URL of this machine', { url: 'http://127.0.0.1/' }, 'url'],
    ['a URL of a cloud', { url: 'http://169.254.169.254/latest/meta-data' }, 'url'],
    ['a URL of a private network, oddly spelled', { url: 'http://0x0a000001/' }, 'url'],
  ])('is refused with %s', async (_what, body, field) => {
    const refused = await post({ collectionId: id, ...body });
    expect([refused.status, faultyFields(refused)]).toEqual([422, [field]]);
    expect(await counts()).toEqual({ documentCount: 0, chunkCount: 0 });
  });

  it('is refused in a collection of another tenant, in JSON and in a form', async () => {
    const { id: theirs } = await collection(other.as);
    for (const body of [{ collectionId: theirs, text: 'a' }, form('a', 'a.txt', { collectionId: theirs })]) {
      const refused = await leavesNothing(() => post(body));
      expect([refused.status, faultyFields(refused)]).toEqual([422, ['collectionId']]);
    }
  });
});

describe('A form', () => {
  it.each<[string, () => FormData, number, string | null]>([
    ['of an empty file', () => form('', 'a.txt'), 422, 'file'],
    ['without a file', () => without('file'), 422, 'text'],
    ['without a collection', () => without('collectionId'), 422, 'collectionId'],
    ['of a file and a text', () => form('a', 'a.txt', { text: 'b' }), 422, 'text'],
    ['of metadata that are no JSON', () => form('a', 'a.txt', { metadata: '{a:1}' }), 422, 'metadata'],
    ['of metadata that are a list', () => form('a', 'a.txt', { metadata: '[]' }), 422, 'metadata'],
    ['of metadata with NUL', () => form('a', 'a.txt', { metadata: '{"a":"\\u0000"}' }), 422, 'metadata.a'],
    ['of metadata with half a character', () => form('a', 'a.txt', { metadata: '{"a":"\\ud800"}' }), 422, 'metadata.a'],
    ['of metadata that pollute', () => form('a', 'a.txt', { metadata: '{"__proto__":{}}' }), 422, 'metadata.__proto__'],
    ['of metadata without end', () => form('a', 'a.txt', { metadata: '{"a":1e999}' }), 422, 'metadata.a'],
    ['of an image', () => form(png(), 'a.png'), 415, null],
    ['of an image called a PDF', () => form(png(), 'a.pdf'), 415, null],
    ['of a program', () => form(Buffer.from('MZ\x90\0\x03\0\0\0', 'latin1'), 'a.docx'), 415, null],
    ['of an archive', () => form(zip([{ name: 'a.txt', data: Buffer.from('a') }]), 'a.zip'), 415, null],
    ['of an image for no collection', () => form(png(), 'a.png', { collectionId: v7() }), 415, null],
    ['of an image and a text', () => form(png(), 'a.png', { text: 'b' }), 415, null],
    ['that is too large', () => form('x'.repeat(LIMIT + 1), 'a.txt'), 413, null],
    ['that is far too large', () => form('x'.repeat(LIMIT + 3_000_000), 'a.txt'), 413, null],
  ])('%s is refused and leaves nothing', async (_what, made, status, field) => {
    const refused = await leavesNothing(() => post(made()));
    expect(refused.status).toBe(status);
    if (field !== null) expect(faultyFields(refused)).toEqual([field]);
    expect(await listed()).toEqual([]);
  });

  function without(field: string): FormData {
    const made = form('a', 'a.txt');
    made.delete(field);
    return made;
  }

  it('may hold a text in place of a file', async () => {
    const made = form('', '', { text: 'Whales', metadata: '{"a":[1]}' });
    made.delete('file');
    expect(documentOf(await post(made))).toMatchObject({ title: 'Whales', metadata: { a: [1] }, origin: null });
  });
});

describe('A document that can not be read', () => {
  it('has failed, and says why', async () => {
    const damaged = await settled(tenant.as, await givenFile(tenant.as, id, pdf('Whales').subarray(0, 40), 'a.pdf'));
    expect(damaged).toMatchObject({ status: 'failed', chunkCount: 0, error: { code: 'damaged' } });
    expect(damaged.error?.message).toMatch(/damaged or incomplete/);
    const silent = await settled(tenant.as, await givenFile(tenant.as, id, pdf(''), 'b.pdf'));
    expect(silent.error?.code).toBe('no_text');
    expect(await counts()).toEqual({ documentCount: 2, chunkCount: 0 });
    expect((await listed('&status=failed')).map((one) => one.id)).toEqual([silent.id, damaged.id]);
    expect(await listed('&status=ready')).toEqual([]);
    expect((await chunksOf(damaged)).data).toEqual([]);
  });
});

describe('The same bytes again', () => {
  it('are the document that is there, as a text or a file, whatever else is said of them', async () => {
    const first = await givenText(tenant.as, id, 'Whales are mammals.', { title: 'First' });
    for (const body of [
      { collectionId: id, text: 'Whales are mammals.', title: 'Second', metadata: { a: 1 } },
      form('Whales are mammals.', 'other.txt'),
    ]) {
      const again = await leavesNothing(() => post(body));
      expect([again.status, documentOf(again)]).toMatchObject([200, { id: first.id, title: 'First', metadata: {} }]);
    }
    const file = await givenFile(tenant.as, id, pdf('Whales'), 'a.pdf');
    expect(documentOf(await leavesNothing(() => post(form(pdf('Whales'), 'b.pdf')))).id).toBe(file.id);
    expect((await counts()).documentCount).toBe(2);
    expect((await givenText(tenant.as, (await collection(tenant.as)).id, 'Whales are mammals.')).id).not.toBe(first.id);
  });

  it('at the same time are one document', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        Promise.resolve(post(at % 2 ? form('At once', `${at}.txt`) : { collectionId: id, text: 'At once' })),
      ),
    );
    expect(new Set(answers.map((answer) => documentOf(answer).id)).size).toBe(1);
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array<number>(7).fill(200), 202]);
    expect((await counts()).documentCount).toBe(1);
  });

  it('of a document that failed are that document, and new once it is deleted', async () => {
    const failed = await settled(tenant.as, await givenFile(tenant.as, id, pdf(''), 'a.pdf'));
    const again = await post(form(pdf(''), 'a.pdf'));
    expect([again.status, documentOf(again)]).toMatchObject([200, { id: failed.id, status: 'failed' }]);
    await tenant.as.delete(`/rag/documents/${failed.id}`).expect(204);
    const anew = await post(form(pdf(''), 'a.pdf'));
    expect([anew.status, documentOf(anew).id === failed.id]).toEqual([202, false]);
  });
});

describe('The pieces of a document', () => {
  it('stand by position where they say, and come in pages', async () => {
    const paragraphs = Array.from(
      { length: 40 },
      (_, at) => `## Part ${at}\n\n${`Word ${at} \u{1F468} and more. `.repeat(20)}`,
    );
    const text = `# Book\n\n${paragraphs.join('\n\n')}`;
    await tenant.as.patch(`/rag/collections/${id}`, { chunking: { strategy: 'markdown', size: 100, overlap: 10 } });
    const document = await readyText(tenant.as, id, text);
    const all = (await chunksOf(document, '?limit=100')).data;
    expect(all.map(({ position }) => position)).toEqual(all.map((_, at) => at));
    expect([all.length, document.chunkCount]).toEqual([document.chunkCount, all.length]);
    for (const { start, end, content, documentId } of all)
      expect([text.slice(start, end), documentId]).toEqual([content, document.id]);
    expect(all.at(-1)?.headingPath).toEqual(['Book', 'Part 39']);
    const paged: ChunkDto[] = [];
    for (let cursor: string | null = ''; cursor !== null;) {
      const page: Listed<ChunkDto> = await chunksOf(document, `?limit=7${cursor && `&cursor=${cursor}`}`);
      paged.push(...page.data);
      cursor = page.nextCursor;
    }
    expect(paged).toEqual(all);
  });
});
