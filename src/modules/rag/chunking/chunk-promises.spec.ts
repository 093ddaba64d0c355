import { describe, expect, it } from '@jest/globals';
import { markdown, plain } from '../../../../test/parsed-texts.js';
import { publicStrings } from '../../../../test/public-data.js';
import { estimateTokens } from '../../models/token-estimate.js';
import { CHUNK_SIZE, CHUNKING_STRATEGIES, DEFAULT_CHUNKING, type Chunking, type ParsedText } from './chunk.js';
import { chunkText } from './chunk-text.js';

describe('chunks of texts of every kind', () => {
  it.each(['seed-1', 'seed-2', 'seed-3'])('keep all promises (%s)', (seed) => {
    const random = randomOf(seed);
    for (let round = 0; round < 150; round += 1) keepsPromises(randomDocument(random), randomChunking(random));
  });

  it('keep all promises for hostile strings', () => {
    const naughty = publicStrings('vectors/naughty-strings.json');
    const all = [...naughty, naughty.join('\n'), naughty.join('\n\n# '), naughty.join(''), ...HOSTILE];
    for (const text of all)
      for (const strategy of CHUNKING_STRATEGIES) {
        keepsPromises(markdown(text), { strategy, size: 50, overlap: 0 });
        keepsPromises(markdown(text), { strategy, size: 50, overlap: 49 });
        keepsPromises(markdown(text), { strategy, size: 333, overlap: 64 });
      }
  });

  it('are made of twenty million characters', () => {
    const line = 'x'.repeat(5_000_000);
    const texts = [
      line,
      '字'.repeat(1_000_000),
      ' '.repeat(5_000_000),
      '\n'.repeat(5_000_000),
      'a\n\n'.repeat(1_000_000),
    ];
    texts.push('# a\n'.repeat(200_000), '| a'.repeat(1_000_000), '\u0301'.repeat(1_000_000), '```'.repeat(1_000_000));
    texts.push(`x${' '.repeat(1_000_000)}y`, '"'.repeat(2_000_000), '. '.repeat(1_000_000), 'ไ'.repeat(300_000));
    for (const text of texts)
      for (const strategy of CHUNKING_STRATEGIES) {
        const { sections } = text.startsWith('# ') ? headings(text) : plain(text);
        const chunks = chunkText({ text, sections, pages: [] }, { strategy, ...DEFAULT_CHUNKING });
        expect(chunks.length).toBeLessThan(text.length / 200);
      }
  });
});

function headings(text: string): ParsedText {
  const sections = Array.from({ length: text.length / 4 }, (_, n) => ({
    level: 1 + (n % 3),
    title: 'a',
    start: n * 4,
  }));
  return { text, sections, pages: [] };
}

const HOSTILE = [
  '\ud800'.repeat(400),
  '\udc00\ud800'.repeat(400),
  `a${'\u0300'.repeat(900)}b`,
  '👨‍'.repeat(300),
  '🇩'.repeat(301),
  '\r\n'.repeat(200),
  'line\r\n\r\n'.repeat(200),
  '# \n## \n#\n'.repeat(100),
  '```\n'.repeat(101),
  '- '.repeat(400),
  `${'  '.repeat(200)}- x\n`.repeat(5),
  '|-'.repeat(300),
  `x\n${'|-'.repeat(300)}\n|`,
  `a${' '.repeat(400)}b${' '.repeat(2_000)}c`,
  `${'word '.repeat(100)}${' '.repeat(5_000)}`,
];

/** Every promise of `chunkText` that holds for any text. */
function keepsPromises(document: ParsedText, chunking: Chunking): void {
  const { text } = document;
  const { size, overlap, strategy } = chunking;
  const chunks = chunkText(document, chunking);
  let covered = 0;
  for (const [index, { position, start, end, tokens, headingPath }] of chunks.entries()) {
    const content = text.slice(start, end);
    const told = JSON.stringify({ strategy, size, overlap, start, end, text: text.slice(0, 2_000) });
    const before = chunks[index - 1];
    const problems = {
      position: position !== index,
      empty: content === '' || content.trim() !== content,
      size: tokens > size || tokens !== estimateTokens(content) || Buffer.byteLength(content) > size * 3,
      order: before !== undefined && (start <= before.start || end <= before.end),
      gap: start > covered && text.slice(covered, start).trim() !== '',
      overlap: start < covered && Buffer.byteLength(text.slice(start, covered)) > overlap * 3,
      pair: isPairCut(text, start) || isPairCut(text, end),
      path: headingPath.some((title) => !document.sections.some((section) => isTitleOf(section.title, title))),
    };
    expect({ problems: Object.entries(problems).filter(([, is]) => is), told }).toEqual({ problems: [], told });
    covered = end;
  }
  expect(text.slice(covered).trim()).toBe('');
}

function isPairCut(text: string, at: number): boolean {
  return /[\ud800-\udbff]/.test(text.charAt(at - 1)) && /[\udc00-\udfff]/.test(text.charAt(at)) && at > 0;
}

type Random = (below: number) => number;

/** Repeatable, so that what fails once can be looked at. */
function randomOf(seed: string): Random {
  let state = [...seed].reduce((sum, character) => Math.imul(sum, 31) + character.charCodeAt(0), 7);
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PIECES = [
  ...[
    'word ',
    'Sentence one. ',
    'Ende! ',
    '\n',
    '\n\n',
    '\n   \n',
    '  ',
    '\t',
    '# Head\n',
    '\n## Below\n\n',
    '\n### Deep\n',
  ],
  ...[
    '\n```\ncode();\n\nmore();\n```\n',
    '\n```\n',
    '\n| a | b |\n|---|---|\n| 1 | 2 |\n',
    '\n- item\n  more\n- other\n',
  ],
  ...[
    '日本語の文章。',
    '「引用」',
    'ภาษาไทย',
    'е́',
    '👩‍🚀',
    '🇫🇷',
    '𠮷野家',
    '\ud83d',
    'e.g. this',
    '12.5',
    '…”',
    '\r\n',
    '\u00a0',
    '\u2028',
  ],
  ...[
    'averyveryveryverylongwordwithoutanyblanks',
    'x'.repeat(300),
    '字'.repeat(120),
    'wrapped\nline ',
    '1. one\n2. two\n',
  ],
];

function randomDocument(random: Random): ParsedText {
  const few = Array.from({ length: 1 + random(PIECES.length) }, () => PIECES[random(PIECES.length)] ?? '');
  const text = Array.from({ length: random(400) }, () => few[random(few.length)]).join('');
  return markdown(text);
}

function randomChunking(random: Random): Chunking {
  const size = CHUNK_SIZE.min + random(random(2) === 0 ? 60 : 600);
  return { strategy: CHUNKING_STRATEGIES[random(3)] ?? 'fixed', size, overlap: random(size) };
}

function isTitleOf(whole: string, shown: string): boolean {
  return whole.replace(/\s+/gu, ' ').trim().startsWith(shown.replace(/…$/, ''));
}
