import { afterAll, describe, expect, it } from '@jest/globals';
import { docx, docxTable, manyPages, paragraph, pdfPage, xlsx } from '../../../test/document-files.js';
import { headingsOf, outcomeOf, pageOf, parsedOf, SHEETS, SLIDES, WORD } from '../../../test/document-outcome.js';
import { BoundedWork } from '../compute/bounded-work.js';
import { DocumentParser } from './document-parser.js';
import type { DocumentType } from './document-type.js';

const work = new BoundedWork();
const parser = new DocumentParser(work);
const textOf = async (bytes: Uint8Array | string, type: DocumentType): Promise<string> =>
  (await parsedOf(parser, bytes, type)).text;

function utf16(text: string, isBig = false): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return isBig ? bytes.swap16() : bytes;
}

afterAll(() => work.onApplicationShutdown());

describe('text', () => {
  const said = 'Größe;Preis\nklein;1,20 €\ngroß;2,40 €\n';
  const read = 'Größe: klein; Preis: 1,20 €\nGröße: groß; Preis: 2,40 €';

  it.each([
    ['UTF-8', Buffer.from(said)],
    ['UTF-8 with its mark', Buffer.from(`\ufeff${said}`)],
    ['UTF-16 LE with its mark', utf16(`\ufeff${said}`)],
    ['UTF-16 BE with its mark', utf16(`\ufeff${said}`, true)],
    ['UTF-16 LE', utf16(said)],
    ['UTF-16 BE', utf16(said, true)],
    ['windows-1252', Buffer.from(said.replaceAll('€', '\x80'), 'latin1')],
  ])('in %s', async (_encoding, bytes) => {
    expect(await textOf(bytes, 'text/csv')).toBe(read);
  });

  it('in the encoding that it is said to be in, or looks like', async () => {
    const cyrillic = (text: string): Buffer =>
      Buffer.from([...text].map((letter) => (letter > '\u0400' ? letter.charCodeAt(0) - 0x350 : letter.charCodeAt(0))));
    const russian = 'Это обычный русский текст о том как читать старые файлы и ничего не потерять';
    expect(await textOf(cyrillic(russian), 'text/plain')).toBe(russian);
    const bytes = (): Promise<Buffer> => Promise.resolve(Buffer.from('\x93\xfa\x96{', 'latin1'));
    const japanese = await parser.parse(bytes, { mimeType: 'text/plain', charset: 'Shift_JIS' });
    expect(japanese.text).toBe('日本');
  });

  it('keeps its lines, without what can not be seen or stored', async () => {
    const given = 'One\r\nTwo\rThree\u2028Four\0\x07 cafe\u0301 \u00adend\n\n';
    expect(await textOf(given, 'text/plain')).toBe('One\nTwo\nThree\nFour café end');
  });

  it('in a line of millions of characters', async () => {
    expect(await textOf(`a${' '.repeat(5_000_000)}b`, 'text/plain')).toHaveLength(5_000_002);
  });
});

describe('Markdown', () => {
  const source =
    '---\ntitle: "The manual"\n---\n# One\n\n```sh\n# no heading\n~~~\n```\nSub *title*\n---\n\n- item\n---\n####### no\n### Three ###\n';

  it('keeps its text and finds its headings', async () => {
    const parsed = await parsedOf(parser, source, 'text/markdown');
    expect(parsed.text).toBe(source.trimEnd());
    expect(parsed.title).toBe('The manual');
    expect(headingsOf(parsed)).toEqual(['1 One', '2 Sub title', '3 Three']);
    expect(parsed.text.slice(parsed.sections[2]?.start)).toBe('### Three ###');
  });
});

describe('CSV', () => {
  it.each([
    ['a,b\n"x, y","say ""hi"""\n', 'a: x, y; b: say "hi"'],
    ['a|b\n1|2\n', 'a: 1; b: 2'],
    ['1,2\n3,4\n', '1; 2\n3; 4'],
    ['Name,2023,2024\nBonn,1,2\n', 'Name: Bonn; 2023: 1; 2024: 2'],
    ['Report 2024\n\nname\tcount\nx\t1\n', 'Report 2024\nname: x; count: 1'],
    ['a,b\n"two\nlines",\n,2\n', 'a: two lines\nb: 2'],
    ['just one column\nand its rows\n', 'just one column\nand its rows'],
    ['a,b\n"never closed,2\n3,4\n', 'a: never closed,2 3,4'],
  ])('%j', async (source, read) => {
    expect(await textOf(source, source.includes('\t') ? 'text/tab-separated-values' : 'text/csv')).toBe(read);
  });
});

describe('JSON', () => {
  it('keeps its keys, and numbers as they are', async () => {
    const source = '{"title":"Shop","items":[{"id":12345678901234567890,"tags":["a","b"]},{"id":1.50}],"none":null}';
    const parsed = await parsedOf(parser, source, 'application/json');
    expect(parsed.text).toBe('title: Shop\nitems[0].id: 12345678901234567890\nitems[0].tags: a, b\nitems[1].id: 1.50');
    expect(parsed.title).toBe('Shop');
  });

  it('by records, also line by line', async () => {
    const read = 'q: One?\na: Yes\n\nq: Two?\na: No';
    const [one, two] = ['{"q":"One?","a":"Yes"}', '{"q":"Two?","a":"No"}'];
    expect(await textOf(`[${one},${two}]`, 'application/json')).toBe(read);
    expect(await textOf(`${one}\n${two}\n`, 'application/json')).toBe(read);
    expect(await textOf(`${one}\n${two}\n`, 'application/x-ndjson')).toBe(read);
    expect(await textOf(`${one}\nbroken {\n`, 'application/x-ndjson')).toBe('q: One?\na: Yes\n\nbroken {');
    expect(await textOf('{"cut": [1, 2', 'application/json')).toBe('{"cut": [1, 2');
  });
});

describe('HTML', () => {
  it('becomes Markdown', async () => {
    const parsed = await parsedOf(
      parser,
      `<!DOCTYPE html><html><head><meta charset="windows-1252"><title>My page</title><script>no()</script></head><body>
      <nav><a href=/>Home</a></nav><div class="cookie-consent">We use cookies</div>
      <h1>Big <em>thing</em></h1><p>First<br>second &amp; more</p>
      <ol start=3><li>three<ul><li>inner</li></ul></li><li><p>four</p></li></ol>
      <table><tr><th>a</th><th>b</th></tr><tr><td rowspan=2>1</td><td>x|y</td></tr><tr><td>2</td></tr></table>
      <table><tr><td><h2>In a frame</h2><p>text</p></td></tr></table>
      <pre>  code {\n}</pre><p hidden>not seen</p><footer>Imprint</footer></body></html>`,
      'text/html',
    );
    expect(parsed.title).toBe('My page');
    expect(parsed.text).toBe(
      '# Big thing\n\nFirst\nsecond & more\n\n3. three\n  - inner\n4. four\n\n' +
        '| a | b |\n| --- | --- |\n| 1 | x\\|y |\n| 1 | 2 |\n\n## In a frame\n\ntext\n\n```\n  code {\n}\n```',
    );
  });

  it('in the encoding that it names', async () => {
    const bytes = Buffer.from('<meta charset="iso-8859-2"><p>\xb1\xe6\xea zażółć</p>'.replace('zażółć', ''), 'latin1');
    expect(await textOf(bytes, 'text/html')).toBe('ąćę');
  });

  it('is its navigation where it is nothing else', async () => {
    expect(await textOf('<nav><a href=/>Home</a></nav>', 'text/html')).toBe('Home');
  });
});

describe('Word', () => {
  const styles =
    '<w:styles><w:style w:styleId="b1"><w:name w:val="heading 1"/></w:style>' +
    '<w:style w:styleId="own"><w:basedOn w:val="b1"/></w:style><w:style w:styleId="t1"><w:name w:val="toc 1"/></w:style></w:styles>';
  const numbering =
    '<w:numbering><w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>' +
    '<w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1%2)"/></w:lvl></w:abstractNum>' +
    '<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num></w:numbering>';
  const footnotes = `<w:footnotes><w:footnote w:id="2">${paragraph('See the annex.')}</w:footnote></w:footnotes>`;
  const item = (text: string, level: number): string =>
    paragraph(text, `<w:numPr><w:ilvl w:val="${level}"/><w:numId w:val="1"/></w:numPr>`);

  it('keeps headings, numbers and notes, not what was deleted', async () => {
    const body = [
      paragraph('Contents 1', '<w:pStyle w:val="t1"/>'),
      paragraph('Scope', '<w:pStyle w:val="own"/>'),
      '<w:p><w:r><w:t>It applies</w:t></w:r><w:del><w:r><w:delText>not</w:delText></w:r></w:del>' +
        '<w:r><w:footnoteReference w:id="2"/><w:tab/><w:t>always.</w:t></w:r></w:p>',
      ...[item('first', 0), item('under', 1), item('under', 1), item('second', 0), item('under', 1)],
    ].join('');
    const parsed = await parsedOf(
      parser,
      docx(body, [
        { type: 'styles', name: 'styles.xml', data: styles },
        { type: 'numbering', name: 'numbering.xml', data: numbering },
        { type: 'footnotes', name: 'footnotes.xml', data: footnotes },
      ]),
      WORD,
    );
    expect(parsed.text).toBe(
      '# Scope\n\nIt applies[^1]\talways.\n\n[^1]: See the annex.\n\n1. first\n  1a) under\n  1b) under\n2. second\n  2a) under',
    );
    expect(headingsOf(parsed)).toEqual(['1 Scope']);
  });

  it('keeps tables, long ones row by row', async () => {
    const rows = Array.from({ length: 30 }, (_, at) => [paragraph(`name ${at}`), paragraph(String(at))]);
    const { text } = await parsedOf(parser, docx(docxTable([[paragraph('Name'), paragraph('Count')], ...rows])), WORD);
    expect(text).toContain('Name: name 29; Count: 29');
  });
});

describe('Excel', () => {
  const cell = (at: string, value: string | number, more = ''): string => `<c r="${at}" ${more}><v>${value}</v></c>`;
  const styles =
    '<numFmts><numFmt numFmtId="170" formatCode="[$-407]dd/mm/yyyy\\ hh:mm"/></numFmts>' +
    '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="170"/><xf numFmtId="9"/><xf numFmtId="20"/></cellXfs>';
  const strings = '<sst><si><t>Day</t></si><si><r><t>Sh</t></r><r><t>are</t></r><rPh><t>no</t></rPh></si></sst>';

  it('keeps dates, shares, times and gaps', async () => {
    const rows =
      `<row r="1">${cell('A1', 0, 't="s"')}${cell('B1', 1, 't="s"')}<c r="D1" t="inlineStr"><is><t>Note</t></is></c></row>` +
      `<row r="2">${cell('A2', 45352, 's="1"')}${cell('B2', 0.155, 's="3"')}${cell('D2', 0.75, 's="4"')}</row>` +
      `<row r="3">${cell('A3', 45352.5, 's="2"')}${cell('B3', 0.30000000000000004)}${cell('D3', 1, 't="b"')}</row>`;
    const hidden = { name: 'Hidden', rows: `<row>${cell('A1', 'secret', 't="str"')}</row>`, state: 'hidden' };
    const parsed = await parsedOf(
      parser,
      xlsx([hidden, { name: 'Sales &amp; more', rows }], { strings, styles }),
      SHEETS,
    );
    expect(parsed.text).toBe(
      '# Sales & more\n\nDay: 2024-03-01; Share: 15.5%; Note: 18:00:00\nDay: 2024-03-01 12:00:00; Share: 0.3; Note: TRUE',
    );
    expect(parsed.pages).toEqual([{ page: 1, start: 0 }]);
  });
});

describe('PDF', () => {
  it('of 10,000 pages', async () => {
    const parsed = await parsedOf(parser, manyPages(10_000), 'application/pdf');
    expect(parsed.pages).toHaveLength(10_000);
    expect(pageOf(parsed, 9_999)).toBe('Text of page 9999');
  });

  it('takes columns apart that are written across', async () => {
    const lines = Array.from({ length: 8 }, (_, at): [number, number, number, string][] => [
      [50, 700 - at * 14, 11, `left column line number ${at} goes on and`],
      [320, 700 - at * 14, 11, `right column line number ${at} goes on and`],
    ]);
    const parsed = await parsedOf(
      parser,
      pdfPage([[50, 750, 20, 'A title across all'], ...lines.flat()]),
      'application/pdf',
    );
    expect(parsed.text).toMatch(
      /^A title across all\n\nleft column line number 0 goes on and left column line number 1/,
    );
    expect(parsed.text.indexOf('left column line number 7')).toBeLessThan(
      parsed.text.indexOf('right column line number 0'),
    );
    expect(headingsOf(parsed)).toEqual(['1 A title across all']);
  });
});

describe('mail', () => {
  const attached = (name: string, type: string, content: Buffer): string =>
    `--b\nContent-Type: ${type}; name="${name}"\nContent-Disposition: attachment; filename="${name}"\n` +
    `Content-Transfer-Encoding: base64\n\n${content.toString('base64')}\n`;

  it('holds what is attached to it', async () => {
    const mail = [
      'From: =?utf-8?Q?J=C3=BCrgen?= <j@example.com>\nTo: a@example.com, b@example.com\nSubject: Offer\nMIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=b\n',
      '--b\nContent-Type: text/plain; charset=utf-8\n\nSee the offer.\n',
      attached(
        'offer.docx',
        WORD,
        docx(paragraph('Ten pieces', '<w:outlineLvl w:val="0"/>') + paragraph('for 5 each')),
      ),
      attached(
        'locked.xlsx',
        SHEETS,
        Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), Buffer.from('EncryptedPackage', 'utf16le')]),
      ),
      attached('photo.png', 'image/png', Buffer.from('89504e470d0a1a0a', 'hex')),
      '--b--\n',
    ].join('\n');
    const parsed = await parsedOf(parser, mail, 'message/rfc822');
    expect(parsed.title).toBe('Offer');
    expect(parsed.text).toBe(
      'From: Jürgen <j@example.com>\nTo: a@example.com, b@example.com\nSubject: Offer\n\nSee the offer.\n\n' +
        '# offer.docx\n\n# Ten pieces\n\nfor 5 each\n\n# locked.xlsx\n\n(not read: password required)\n\n# photo.png\n\n(not read)',
    );
    expect(headingsOf(parsed)).toEqual(['1 offer.docx', '2 Ten pieces', '1 locked.xlsx', '1 photo.png']);
  });
});

describe('an Office document of another kind than it is called', () => {
  it('is read as what it is', async () => {
    expect(await outcomeOf(parser, docx(paragraph('Words')), SLIDES)).toMatchObject({ text: 'Words' });
  });
});
