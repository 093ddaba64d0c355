import { afterAll, describe, expect, it } from '@jest/globals';
import { headingsOf, outcomeOf, pageOf } from '../../../test/document-outcome.js';
import { document } from '../../../test/sample-files.js';
import { BoundedWork } from '../compute/bounded-work.js';
import { DocumentParser } from './document-parser.js';
import { documentType } from './document-type.js';
import type { ParsedDocument } from './parsing/parsed-document.js';

const work = new BoundedWork();
const parser = new DocumentParser(work);

async function read(name: string): Promise<ParsedDocument | string> {
  const bytes = document(name) ?? Buffer.alloc(0);
  const isText = !bytes.includes(0) && Buffer.from(bytes.toString()).equals(bytes);
  const type = documentType({ head: bytes.subarray(0, 4096), isText, name });
  return type === null ? 'no type' : outcomeOf(parser, bytes, type);
}

async function readable(name: string): Promise<ParsedDocument> {
  const outcome = await read(name);
  if (typeof outcome === 'string') throw new Error(`${name}: ${outcome}`);
  return outcome;
}

const withData = document('basicapi.pdf') ? describe : describe.skip;

withData('public documents', () => {
  afterAll(() => work.onApplicationShutdown());

  it.each([
    ['aes256-password.pdf', 'password_required'],
    ['password.xlsx', 'password_required'],
    ['empty.pdf', 'no_text'],
    ['scanned.pdf', 'no_text'],
    ['pages-tree-cycle.pdf', 'damaged'],
    ['redhat-fuzz.pdf', 'damaged'],
  ])('says why %s gives no text', async (name, code) => {
    expect(await read(name)).toBe(code);
  });

  it('keeps the pages of a PDF', async () => {
    const parsed = await readable('basicapi.pdf');
    expect(parsed.title).toBe('Basic API Test');
    expect(pageOf(parsed, 1)).toMatch(/^Table Of Content\n\nChapter 1 \.\.\. 2\nParagraph 1\.1 \.\.\. 3/);
    expect(pageOf(parsed, 2)).toBe('Chapter 1\n\npage 2 / 3');
    expect(headingsOf(parsed)).toEqual(['2 Table Of Content', '1 Chapter 1', '1 Paragraph 1.1']);
  });

  it('reads one column after the other, with words and paragraphs in one piece', async () => {
    const parsed = await readable('multi-column.pdf');
    expect(parsed.text).toContain(
      'Open-domain question answering relies on efficient passage retrieval to select candidate contexts, where',
    );
    expect(parsed.text).toContain('our dense retriever outperforms a strong Lucene-BM25 system greatly');
    const columns = [
      'Abstract',
      '1 Introduction',
      'Although reducing open-domain QA',
      'Retrieval in open-domain QA is',
    ];
    const places = columns.map((start) => parsed.text.indexOf(start));
    expect(places).toEqual(places.toSorted((one, other) => one - other));
    expect(places[0]).toBeGreaterThan(0);
    expect(headingsOf(parsed)).toEqual(expect.arrayContaining(['2 1 Introduction', '2 2 Background']));
    expect(pageOf(parsed, 2)).toContain('Our Dense Passage Retriever (DPR) is exceptionally strong.');
  });

  it('reads from right to left', async () => {
    expect((await readable('arabic.pdf')).text).toMatch(/^انواع .* العربية\n/);
  });

  it('reads a handbook of 872 pages', async () => {
    const parsed = await readable('handbook-872p.docx');
    expect(parsed.text.length).toBeGreaterThan(800_000);
    expect(parsed.text).toContain('## B. MEETING OF CREDITORS\n\nSummary of Standing Trustee Duties\n');
    expect(headingsOf(parsed).slice(0, 3)).toEqual([
      ...['1 CHAPTER 1 – INTRODUCTION', '2 A. PURPOSE', '2 B. ROLE OF THE UNITED STATES TRUSTEE'],
    ]);
  });

  it('keeps tables, and those within them', async () => {
    const { text } = await readable('rich-tables.docx');
    expect(text).toContain(
      '| Column A | Column B |\n| --- | --- |\n| This is a list: - A First - A Second - A Third |',
    );
    expect(text).toContain('Third paragraph before a numbered list 1. Number one 2. Number two 3. Number three |');
    expect(text).toContain('| Rich cell A nested table A, B, C; Cell 1, Cell 2, Cell 3 |');
  });

  it('reads slides with their tables and charts', async () => {
    const parsed = await readable('slides.pptx');
    expect(parsed.title).toBe('AutoGen: Enabling Next-Gen LLM Applications via Multi-Agent Conversation');
    expect(parsed.pages).toHaveLength(6);
    expect(pageOf(parsed, 3)).toContain('| 7 | 8 | 9 | 1b92870d-e3b5-4e65-8153-919f4ff45592 | 11 | 12 |');
    expect(pageOf(parsed, 4)).toBe(
      '# A chart to test parsing:\n\na3f6004b-6f4f-4ea8-bee3-3741f4dc385f\n\n' +
        '|  | Series 1 |\n| --- | --- |\n| 2000 | 2000 |\n| 2001 | 2001 |\n| 2002 | 2002 |\n| 2003 | 2003 |',
    );
    expect(pageOf(parsed, 5)).toContain('This is a nested shape with content in 2 shapes');
  });

  it('reads a slide that other programs stumble over', async () => {
    expect((await readable('malformed.pptx')).text).toBe('# Test Slide\n\nProblem Date Placeholder');
  });

  it('reads sheets row by row', async () => {
    const parsed = await readable('sheets.xlsx');
    expect(headingsOf(parsed)).toEqual(['1 Sheet1', '1 09060124-b5e7-4717-9d07-3c046eb']);
    expect(pageOf(parsed, 1)).toContain('Alpha: 58; Beta: 6ff4173b-42a5-4784-9b19-f49caff4d93d; Gamma: 22; Delta: 9\n');
    expect(pageOf(parsed, 2)).toContain('ColA: 13; ColB: 14; ColC: 15; ColD: affc7dad-52dc-4b98-9b5d-51e65d8a8ad0');
  });

  it('reads UTF-16, and the names of columns below a title', async () => {
    expect((await readable('utf16.csv')).text).toBe(
      'Stanley Cups\nTeam: Blues; Location: STL; Stanley Cups: 1\nTeam: Flyers; Location: PHI; Stanley Cups: 2\n' +
        'Team: Maple Leafs; Location: TOR; Stanley Cups: 13',
    );
  });

  it('reads a mail of HTML', async () => {
    const parsed = await readable('html-only.eml');
    expect(parsed.title).toBe('Example HTML Only MIME Email');
    expect(parsed.text).toMatch(/^From: sender@example\.com\nTo: recipient@example\.com\nDate: Tue, 01 Oct 2024/);
    expect(parsed.text).toContain('Gmail was launched by Google in 2004 with 1 GB of free storage');
  });

  it('reads an article without what surrounds it', async () => {
    const parsed = await readable('wikipedia.html');
    expect(parsed.title).toBe('Microsoft - Wikipedia');
    expect(parsed.text).toMatch(/^# Microsoft\n/);
    expect(parsed.text).toContain('\nFounders: Bill Gates, Paul Allen\n');
    expect(parsed.text).toContain(
      'was founded by Bill Gates and Paul Allen on April 4, 1975, to develop and sell BASIC',
    );
    expect(headingsOf(parsed).slice(0, 3)).toEqual(['1 Microsoft', '2 History', '3 1972–1985: Founding']);
    for (const around of [
      'Jump to',
      'Log in',
      'Create account',
      '[edit',
      'Privacy policy',
      'Hidden categories',
      'Main menu',
    ])
      expect(parsed.text).not.toContain(around);
  });
});
