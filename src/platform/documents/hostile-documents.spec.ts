import { constants, deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from '@jest/globals';
import { docx, docxTable, manyPages, paragraph, xlsx, zip } from '../../../test/document-files.js';
import { outcomeOf, SHEETS, SLIDES, WORD } from '../../../test/document-outcome.js';
import { bombPdf, document } from '../../../test/sample-files.js';
import { BoundedWork } from '../compute/bounded-work.js';
import { DocumentParser } from './document-parser.js';
import type { DocumentType } from './document-type.js';

const work = new BoundedWork();
const parser = new DocumentParser(work);
const outcome = async (bytes: Uint8Array | string, type: DocumentType): Promise<string> => {
  const found = await outcomeOf(parser, bytes, type);
  return typeof found === 'string' ? found : `text: ${found.text}`;
};

const ALL: DocumentType[] = [
  ...(['text/plain', 'text/markdown', 'text/html', 'text/csv', 'text/tab-separated-values'] as const),
  ...(['application/json', 'application/x-ndjson', 'message/rfc822', 'application/pdf'] as const),
  ...([WORD, SLIDES, SHEETS] as const),
];

const ENTITIES =
  '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">' +
  '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY file SYSTEM "file:///etc/passwd">' +
  '<!ENTITY net SYSTEM "http://127.0.0.1:1/x">]>';

/** Of zeros, without ever holding them: the same packed block again and again. */
function packedZeros(megabytes: number): Buffer {
  const block = deflateRawSync(Buffer.alloc(1_000_000, ' '), { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([...Array.from({ length: megabytes }, () => block), deflateRawSync(Buffer.alloc(0))]);
}

/** The document's body is packed as given, whatever its headers say. */
function bomb(packed: Buffer, says: number): Buffer {
  const marker = Buffer.from('PLACE-OF-THE-BODY');
  const made = docx(marker, [], says);
  const stored = deflateRawSync(marker);
  const at = made.indexOf(stored);
  const grown = Buffer.concat([made.subarray(0, at), packed, made.subarray(at + stored.length)]);
  const more = packed.length - stored.length;
  grown.writeUInt32LE(packed.length, at - 'word/document.xml'.length - 12);
  const end = grown.length - 22;
  const directory = grown.readUInt32LE(end + 16) + more;
  grown.writeUInt32LE(directory, end + 16);
  for (let entry = directory; entry < end;) {
    const name = grown.readUInt16LE(entry + 28);
    const isBody = grown.toString('latin1', entry + 46, entry + 46 + name) === 'word/document.xml';
    if (isBody) grown.writeUInt32LE(packed.length, entry + 20);
    const offset = grown.readUInt32LE(entry + 42);
    if (offset > at) grown.writeUInt32LE(offset + more, entry + 42);
    entry += 46 + name;
  }
  return grown;
}

afterAll(() => work.onApplicationShutdown());

describe('hostile documents', () => {
  it.each(ALL)('nothing, white space and noise as %s', async (type) => {
    expect(await outcome('', type)).toBe('empty');
    expect(['empty', 'no_text', 'damaged']).toContain(await outcome(' \n\t\r\n ', type));
    for (let seed = 1; seed < 6; seed++) {
      const noise = Buffer.from(
        Array.from({ length: 3_000 }, (_, at) => (seed * 7919 + at * at * seed * 31 + (at >> 3)) & 0xff),
      );
      expect(['damaged', 'unsupported', 'no_text']).toContain(await outcome(noise, type));
    }
  });

  it('unpacks no more than it may', async () => {
    expect(await outcome(bomb(packedZeros(400), 400_000_000), WORD)).toBe('too_large');
  });

  it('unpacks no more than the headers say', async () => {
    expect(await outcome(bomb(packedZeros(400), 1_000), WORD)).toBe('damaged');
  });

  it('leaves zips within zips alone', async () => {
    const inner = zip([{ name: 'deeper.zip', data: zip([{ name: 'zeros', data: Buffer.alloc(5_000_000) }]) }]);
    expect(await outcome(zip([{ name: 'inner.zip', data: inner }]), WORD)).toBe('unsupported');
    expect(
      await outcome(
        docx(paragraph('text'), [{ type: 'package', name: 'embeddings/a.zip', data: inner.toString('latin1') }]),
        WORD,
      ),
    ).toBe('text: text');
  });

  it('expands no entities and fetches nothing', async () => {
    const body = `${ENTITIES}<w:document><w:body>${paragraph('&c;&file;&net; kept &amp; &#65;')}</w:body></w:document>`;
    expect(await outcome(docx(Buffer.from(body)), WORD)).toBe('text: &c;&file;&net; kept & A');
    const rows = `<row><c t="inlineStr"><is><t>&c;&file; kept</t></is></c></row>`;
    expect(
      await outcome(xlsx([{ name: 'x', rows }], { strings: `${ENTITIES}<sst><si><t>&c;</t></si></sst>` }), SHEETS),
    ).toBe('text: # x\n\n&c;&file; kept');
    const svg = '<svg xmlns="x"><image href="file:///etc/passwd"/><text>&file;</text></svg>';
    expect(await outcome(`${ENTITIES}<html><body>${svg}<p>&c; kept</p></body></html>`, 'text/html')).toMatch(
      /^text: .*&c; kept$/s,
    );
  });

  it('of pages that unpack to a thousand times their size', async () => {
    expect(['too_complex', 'too_large', 'damaged']).toContain(await outcome(bombPdf(), 'application/pdf'));
  });

  it('with more pages than can be read', async () => {
    expect(await outcome(manyPages(20_001), 'application/pdf')).toBe('too_large');
    const lying = manyPages(1).toString('latin1').replace('/Count 1 /Kids', '/Count 900000000 /Kids');
    expect(await outcome(Buffer.from(lying, 'latin1'), 'application/pdf')).toBe('text: Text of page 1');
  });

  it('nested without end', async () => {
    expect(await outcome(`${'<div>'.repeat(2_000)}deep`, 'text/html')).toBe('text: deep');
    expect(await outcome('<div>'.repeat(500_000), 'text/html')).toBe('too_complex');
    expect(await outcome(`${'<table><tr><td>'.repeat(5_000)}deep`, 'text/html')).toBe('text: deep');
    expect(await outcome('['.repeat(500_000) + ']'.repeat(500_000), 'application/json')).toBe('too_complex');
    expect(await outcome(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`, 'application/json')).toBe('too_complex');
    const tables = (depth: number): string => (depth === 0 ? paragraph('deep') : docxTable([[tables(depth - 1)]]));
    expect(await outcome(docx(tables(50)), WORD)).toBe('text: deep');
    expect(await outcome(docx(tables(1_000)), WORD)).toBe('too_complex');
  });

  it('mails within mails', async () => {
    let mail = 'From: z@example.com\nSubject: innermost\n\nhidden far inside\n';
    for (let depth = 50; depth > 0; depth--)
      mail =
        `From: a@example.com\nSubject: number ${depth}\nContent-Type: multipart/mixed; boundary=b${depth}\n\n` +
        `--b${depth}\nContent-Type: text/plain\n\nbody ${depth}\n--b${depth}\nContent-Type: message/rfc822\n\n${mail}\n--b${depth}--\n`;
    const text = await outcome(mail, 'message/rfc822');
    expect(text).toContain('body 1\n');
    expect(text).toContain('body 8\n');
    expect(text).toMatch(/\(not read\)$/);
    expect(text).not.toContain('hidden far inside');
  });

  it('of one huge line or of text without end', async () => {
    expect(await outcome(`a,${'b'.repeat(3_000_000)}\n1,2`, 'text/csv')).toMatch(/^text: a; b+\n1; 2$/);
    expect(await outcome(Buffer.alloc(24_000_000, 'text '), 'text/plain')).toBe('too_large');
    expect(await outcome(`"${'a'.repeat(100_000)}`.repeat(20), 'text/csv')).toMatch(/^text: /);
    expect(await outcome(Buffer.alloc(4_000_000, '\n'), 'text/markdown')).toBe('empty');
    expect(await outcome(`${' '.repeat(2_000_000)}x`, 'text/html')).toBe('text: x');
  });

  it('with headings without end', async () => {
    expect(await outcome('# a\n'.repeat(500_000), 'text/markdown')).toBe('too_large');
    expect(await outcome('<h1>a</h1>'.repeat(100_000), 'text/html')).toBe('too_large');
  });

  it('of another kind than they are said to be', async () => {
    const pdf = manyPages(1);
    for (const type of [WORD, SLIDES, SHEETS] as const) {
      expect(await outcome(pdf, type)).toBe('damaged');
      expect(await outcome('just text', type)).toBe('damaged');
      expect(await outcome(Buffer.from(`d0cf11e0a1b11ae1${'00'.repeat(600)}`, 'hex'), type)).toBe('unsupported');
    }
    expect(await outcome(docx(paragraph('x')), 'application/pdf')).toBe('damaged');
    expect(await outcome(docx(paragraph('x')), 'text/plain')).toBe('unsupported');
    expect(await outcome('no headers at all', 'message/rfc822')).toBe('damaged');
  });

  it.each<[string, DocumentType]>([
    ['basicapi.pdf', 'application/pdf'],
    ['handbook-872p.docx', WORD],
    ['rich-tables.docx', WORD],
    ['slides.pptx', SLIDES],
    ['sheets.xlsx', SHEETS],
    ['wikipedia.html', 'text/html'],
    ['html-only.eml', 'message/rfc822'],
    ['utf16.csv', 'text/csv'],
  ])('%s cut off anywhere', async (name, type) => {
    const whole = document(name);
    if (!whole) return;
    for (const share of [0.001, 0.02, 0.1, 0.35, 0.6, 0.9, 0.99]) {
      const found = await outcome(whole.subarray(0, Math.max(1, Math.floor(whole.length * share))), type);
      expect(found).toMatch(/^(text: |damaged$|no_text$|empty$|unsupported$)/);
      if ([WORD, SLIDES, SHEETS].includes(type)) expect(found).toBe('damaged');
    }
  });

  it.each(['rich-tables.docx', 'slides.pptx', 'sheets.xlsx', 'multi-column.pdf'])(
    '%s with some bytes changed',
    async (name) => {
      const whole = document(name);
      if (!whole) return;
      for (let seed = 1; seed <= 8; seed++) {
        const broken = Buffer.from(whole);
        for (let change = 0; change < 20; change++)
          broken[(seed * 104_729 * (change + 1) * 31) % broken.length] = (seed * change * 37) & 0xff;
        const type = name.endsWith('pdf')
          ? 'application/pdf'
          : name.endsWith('docx')
            ? WORD
            : name.endsWith('pptx')
              ? SLIDES
              : SHEETS;
        expect(await outcome(broken, type)).toMatch(
          /^(text: |damaged$|no_text$|too_complex$|unsupported$|password_required$)/,
        );
      }
    },
  );
});

describe('a caller', () => {
  it('who knows more of a document', async () => {
    const source = { mimeType: 'text/plain', sizeBytes: 4, bytes: () => Promise.resolve(Buffer.from('text')) };
    expect((await parser.parse(source.bytes, source)).text).toBe('text');
  });

  it('who goes away', async () => {
    const signal = AbortSignal.timeout(300);
    const given = parser.parse(() => Promise.resolve(manyPages(10_000)), { mimeType: 'application/pdf' }, signal);
    await expect(given).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(await outcome('goes on', 'text/plain')).toBe('text: goes on');
  });
});
