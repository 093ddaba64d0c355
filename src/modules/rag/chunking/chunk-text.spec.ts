import { describe, expect, it } from '@jest/globals';
import { CHUNKING_STRATEGIES, type Chunk, type Chunking, type ParsedText } from './chunk.js';
import { chunkText } from './chunk-text.js';
import { markdown, plain } from '../../../../test/parsed-texts.js';

const contents = ({ text }: ParsedText, chunks: Chunk[]) => chunks.map(({ start, end }) => text.slice(start, end));

function cut(document: ParsedText, strategy: Chunking['strategy'], size: number, overlap = 0): string[] {
  return contents(document, chunkText(document, { strategy, size, overlap }));
}

const SENTENCE = 'The delivery note lists nine crates, two of which never came. ';
const words = (count: number) => Array.from({ length: count }, (_, n) => `word${n}`).join(' ');

describe('recursive', () => {
  it('cuts between paragraphs where it can', () => {
    const paragraphs = [SENTENCE.repeat(2).trim(), SENTENCE.repeat(3).trim(), SENTENCE.repeat(2).trim()];
    expect(cut(plain(paragraphs.join('\n\n')), 'recursive', 70)).toEqual(paragraphs);
  });

  it('cuts between sentences, of any script', () => {
    for (const part of cut(plain(SENTENCE.repeat(20)), 'recursive', 60)) expect(part).toMatch(/^The .* came\.$/);
    const chinese = '交货单列出了九个板条箱，其中两个从未到达仓库。'.repeat(20);
    for (const part of cut(plain(chinese), 'recursive', 60)) expect(part).toMatch(/^交.*。$/);
    for (const part of cut(plain('वह घर गया। '.repeat(40)), 'recursive', 50)) expect(part).toMatch(/^वह.*।$/);
  });

  it('does not take an abbreviation for the end of a sentence', () => {
    const text = `${'x'.repeat(80)} ${'y'.repeat(40)} e.g. ${'z'.repeat(100)}`;
    expect(cut(plain(text), 'recursive', 50)[0]).toMatch(/e\.g\.$/);
    const sentences = `${'One two three four five. '.repeat(5)}It is e.g. here, as approx. there, and goes on so.`;
    expect(cut(plain(sentences), 'recursive', 50)[0]).toMatch(/five\.$/);
  });

  it('takes lines that are wrapped for what they are', () => {
    const wrapped = 'A line that goes on\nin the next one. '.repeat(20);
    for (const part of cut(plain(wrapped), 'recursive', 50)) expect(part).toMatch(/^A line[^]*one\.$/);
    const log = Array.from({ length: 40 }, (_, n) => `2026-11-10 INFO Request ${n} done. Next`).join('\n');
    for (const part of cut(plain(log), 'recursive', 60)) expect(part).toMatch(/^2026-11-10[^]*Next$/);
  });

  it('cuts between words', () => {
    const found = cut(plain(words(500)), 'recursive', 50, 10);
    for (const part of found) expect(part).toMatch(/^word\d+( word\d+)+$/);
    const thai = 'ภาษาไทยเป็นภาษาที่มีระดับเสียงของคำแน่นอนหรือวรรณยุกต์เช่นเดียวกับภาษาจีน'.repeat(4);
    const segments = new Set([...new Intl.Segmenter('th', { granularity: 'word' }).segment(thai)].map((s) => s.index));
    const document = plain(thai);
    for (const { start } of chunkText(document, { strategy: 'recursive', size: 50, overlap: 0 }))
      expect(segments).toContain(start);
  });

  it('cuts a line without blanks, but no character', () => {
    const family = '👨‍👩‍👧‍👦';
    for (const part of cut(plain(family.repeat(50)), 'recursive', 50)) expect(part.replaceAll(family, '')).toBe('');
    for (const part of cut(plain('🇩🇪'.repeat(200)), 'recursive', 50)) expect(part).toMatch(/^(🇩🇪)+$/u);
    for (const part of cut(plain('e\u0301'.repeat(500)), 'recursive', 50)) expect(part).toMatch(/^(e\u0301)+$/);
    expect(cut(plain('x'.repeat(1_000)), 'recursive', 50).map(({ length }) => length)).toEqual([
      ...Array<number>(6).fill(150),
      100,
    ]);
  });

  it('repeats the end of the chunk before, from a good place on', () => {
    const document = plain(SENTENCE.repeat(40));
    const chunks = chunkText(document, { strategy: 'recursive', size: 100, overlap: 30 });
    chunks.slice(1).forEach(({ start }, index) => {
      const repeated = document.text.slice(start, chunks[index]!.end);
      expect(repeated).toBe(SENTENCE.trim());
    });
  });
});

describe('markdown', () => {
  const section = (marks: string, title: string, sentences: number) =>
    `${marks} ${title}\n\n${SENTENCE.repeat(sentences).trim()}`;

  it('cuts along the headings and tells them', () => {
    const parts = [
      section('#', 'Guide', 3),
      section('##', 'Setup', 3),
      section('##', 'Use', 3),
      section('#', 'End', 3),
    ];
    const document = markdown(parts.join('\n\n'));
    const chunks = chunkText(document, { strategy: 'markdown', size: 80, overlap: 20 });
    expect(contents(document, chunks)).toEqual(parts);
    expect(chunks.map(({ headingPath }) => headingPath)).toEqual([
      ['Guide'],
      ['Guide', 'Setup'],
      ['Guide', 'Use'],
      ['End'],
    ]);
  });

  it('keeps a section with all below it where that fits, and joins tiny neighbours below one heading', () => {
    const whole = [section('#', 'A', 1), section('##', 'A1', 1), section('##', 'A2', 1)].join('\n\n');
    const tiny = [section('##', 'B1', 1), section('##', 'B2', 1), section('##', 'B3', 1)];
    const large = section('##', 'B4', 9);
    const document = markdown([whole, '# B', ...tiny, large].join('\n\n'));
    const chunks = chunkText(document, { strategy: 'markdown', size: 200, overlap: 0 });
    expect(contents(document, chunks)).toEqual([whole, ['# B', ...tiny].join('\n\n'), large]);
    expect(chunks.map(({ headingPath }) => headingPath)).toEqual([['A'], ['B'], ['B', 'B4']]);
  });

  it('leaves no heading alone above what is cut', () => {
    const document = markdown(`# Book\n\n## Part\n\n### Chapter\n\n${SENTENCE.repeat(20)}`);
    const chunks = chunkText(document, { strategy: 'markdown', size: 100, overlap: 0 });
    expect(contents(document, chunks)[0]).toMatch(/^# Book\n\n## Part\n\n### Chapter\n\nThe delivery/);
    expect(chunks.at(-1)?.headingPath).toEqual(['Book', 'Part', 'Chapter']);
  });

  it('never repeats over a heading, but within a section', () => {
    const document = markdown([section('#', 'A', 10), section('#', 'B', 10)].join('\n\n'));
    const found = cut(document, 'markdown', 100, 30);
    expect(found.filter((part) => part.includes('# '))).toHaveLength(2);
    expect(found.find((part) => part.includes('# B'))).toMatch(/^# B/);
    expect(found.join('').length).toBeGreaterThan(document.text.length + SENTENCE.length);
  });

  it('keeps code, tables and items whole where they fit', () => {
    const code = `\`\`\`js\n${'call();\n\n'.repeat(15)}\`\`\``;
    const table = `| a | b |\n|---|---|\n${'| some | cells |\n'.repeat(8)}`.trim();
    const list = `- ${SENTENCE.trim()}\n  ${SENTENCE.trim()}`;
    const text = [SENTENCE.repeat(1).trim(), code, table, list, list, code, table].join('\n\n');
    for (const overlap of [0, 20]) {
      const found = cut(plain(text), 'markdown', 60, overlap);
      for (const block of [code, table, list]) expect(found.some((part) => part.includes(block))).toBe(true);
      expect(found.filter((part) => (part.match(/```/g) ?? []).length % 2 === 1 && part.startsWith('```'))).toEqual([]);
    }
  });

  it('cuts what does not fit between its lines', () => {
    const table = `Name | Count\n--- | ---\n${Array.from({ length: 60 }, (_, n) => `Crate number ${n} | ${n}`).join('\n')}`;
    const code = `~~~\n${'statement(); other();\n\n'.repeat(30)}~~~`;
    for (const part of cut(plain(table), 'markdown', 60))
      expect(part).toMatch(/^(Name|Crate).*\d$|^(Name|Crate)[^]*\d$/);
    for (const part of cut(plain(code), 'markdown', 60)) expect(part).toMatch(/^(~~~|state)[^]*(;|~~~)$/);
  });

  it('reads places of titles as places of their headings', () => {
    const text = `# One\n\n${SENTENCE.repeat(2)}\n\n## Two\n\n${SENTENCE.repeat(3)}`;
    const sections = ['One', 'Two'].map((title, n) => ({ level: n + 1, title, start: text.indexOf(title) }));
    expect(cut({ text, sections, pages: [] }, 'markdown', 80)[1]).toMatch(/^## Two/);
  });

  it('shortens headings that are no headings', () => {
    const text = `# ${'very long '.repeat(5_000)}\n\n${SENTENCE}`;
    for (const { headingPath } of chunkText(markdown(text), { strategy: 'markdown', size: 50, overlap: 0 }))
      expect(headingPath.join('').length).toBeLessThanOrEqual(200);
  });
});

describe('fixed', () => {
  it('cuts exactly at the size and repeats exactly the overlap', () => {
    const document = plain('abcdefghi,'.repeat(100));
    const chunks = chunkText(document, { strategy: 'fixed', size: 50, overlap: 10 });
    expect(chunks.slice(0, -1).map(({ tokens }) => tokens)).toEqual(chunks.slice(0, -1).map(() => 50));
    expect(chunks.map(({ start }) => start)).toEqual(chunks.map((_, index) => index * 120));
  });
});

describe('any strategy', () => {
  it('tells the page on which a chunk starts', () => {
    const text = Array.from({ length: 5 }, () => SENTENCE.repeat(4)).join('\n\n');
    const start = (page: number) => (page - 1) * (SENTENCE.length * 4 + 2);
    const pages = [1, 2, 3, 4, 5].map((page) => ({ page, start: start(page) }));
    const chunks = chunkText({ text, sections: [], pages }, { strategy: 'recursive', size: 90, overlap: 0 });
    expect(chunks.map(({ page }) => page)).toEqual([1, 2, 3, 4, 5]);
    const late = { text, sections: [], pages: [{ page: 7, start: start(3) }] };
    expect(chunkText(late, { strategy: 'recursive', size: 90, overlap: 0 }).map(({ page }) => page)).toEqual([
      ...[null, null, 7, 7, 7],
    ]);
  });

  it('makes nothing of nothing', () => {
    for (const strategy of CHUNKING_STRATEGIES)
      for (const text of ['', ' ', '\n\n\t\u00a0\ufeff', ' '.repeat(10_000)])
        expect(chunkText(plain(text), { strategy, size: 50, overlap: 49 })).toEqual([]);
  });
});
