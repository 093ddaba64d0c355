import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DocumentDto } from '../src/modules/rag/documents/documents.dto.js';
import { startApp, type TestApp } from './app.js';
import { collection, givenFile, readyText, search, settled } from './collections.js';
import { docx, manyPages } from './document-files.js';
import { Given, type Tenant } from './given.js';
import { bombPdf, document } from './sample-files.js';

let app: TestApp;
let tenant: Tenant;
let collectionId: string;
beforeAll(async () => {
  app = await startApp();
  tenant = await new Given(app).tenant();
  collectionId = (await collection(tenant.as)).id;
}, 60_000);
afterAll(() => app.close());

const withData = document('basicapi.pdf') ? it : it.skip;

/** Of each a phrase, and the page on which the piece that has it begins, where there are pages. */
const READABLE: [string, string, number | null][] = [
  ['basicapi.pdf', 'Paragraph 1.1', 1],
  ['multi-column.pdf', 'we achieve comparable or better results on multiple QA datasets', 2],
  ['arabic.pdf', 'انواع الخطوط العربية', 1],
  ['handbook-872p.docx', 'Summary of Standing Trustee Duties', null],
  ['html-only.eml', 'Gmail was launched by Google in 2004 with 1 GB of free storage', null],
  ['malformed.pptx', 'Problem Date Placeholder', 1],
  ['rich-tables.docx', 'Third paragraph before a numbered list', null],
  ['sheets.xlsx', '6ff4173b-42a5-4784-9b19-f49caff4d93d', 1],
  ['slides.pptx', 'a3f6004b-6f4f-4ea8-bee3-3741f4dc385f', 4],
  ['utf16.csv', 'Maple Leafs', null],
  ['wikipedia.html', 'was founded by Bill Gates and Paul Allen on April 4, 1975', null],
];
const UNREADABLE: [string, string][] = [
  ['aes256-password.pdf', 'password_required'],
  ['password.xlsx', 'password_required'],
  ['empty.pdf', 'no_text'],
  ['scanned.pdf', 'no_text'],
  ['pages-tree-cycle.pdf', 'damaged'],
  ['redhat-fuzz.pdf', 'damaged'],
];

const given = (name: string) => givenFile(tenant.as, collectionId, document(name) ?? '', name);

describe('All the public documents at once', () => {
  withData(
    'are ready or say why they are not, and each is found by what it says, where it says it',
    async () => {
      const names = [...READABLE, ...UNREADABLE].map(([name]) => name);
      const documents: DocumentDto[] = [];
      for (const name of names) documents.push(await given(name));
      const outcomes = new Map<string, string>();
      for (const one of documents) {
        const { title, status, error, chunkCount } = await settled(tenant.as, one, 120_000);
        outcomes.set(title, error?.code ?? status);
        expect([title, chunkCount > 0]).toEqual([title, status === 'ready']);
        if (error) expect(error.message).toMatch(/^[A-Z].{20,}/);
      }
      expect([...outcomes]).toEqual([...READABLE.map(([name]) => [name, 'ready']), ...UNREADABLE]);
      for (const [name, phrase, page] of READABLE) {
        const found = await search(tenant.as, { collectionIds: [collectionId], query: phrase, topK: 5 });
        const of = found.find(({ documentTitle, content }) => documentTitle === name && content.includes(phrase));
        expect([name, of?.page]).toEqual([name, page]);
      }
    },
    240_000,
  );
});

describe('Hostile documents through the public door', () => {
  it('end in a failure that says what to do, and the next document is taken in', async () => {
    const bomb = docx(Buffer.alloc(300_000_000, 0x20));
    const entities =
      '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><html>&x; entity</html>';
    const hostile: [string, Uint8Array | string, RegExp][] = [
      ['bomb.docx', bomb, /too_large|too_complex|damaged/],
      ['bomb.pdf', bombPdf(), /too_large|too_complex|damaged/],
      ['wrong.pdf.docx', Buffer.concat([Buffer.from('PK\x03\x04'), Buffer.alloc(2_000, 7)]), /damaged/],
      ['entities.html', entities, /^ready$/],
      ['pages.pdf', manyPages(20_001), /^too_large$/],
    ];
    for (const [name, bytes, outcome] of hostile) {
      const done = await settled(tenant.as, await givenFile(tenant.as, collectionId, bytes, name), 200_000);
      expect([name, done.error?.code ?? done.status]).toEqual([name, expect.stringMatching(outcome)]);
      const chunks = (await tenant.as.get(`/rag/documents/${done.id}/chunks`).expect(200)).text;
      expect(chunks).not.toContain('root:');
    }
    expect(await readyText(tenant.as, collectionId, 'After all that.')).toMatchObject({ status: 'ready' });
  }, 300_000);
});
