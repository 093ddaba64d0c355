/** Graphemes of a title that was made, at most. */
const TITLE_LENGTH = 60;
/** As much of a text is looked at; a title takes little of it. In UTF-16 units, as are columns and limits of fields. */
const LOOKED_AT = 2_000;
/** What a title may take, whatever its graphemes are made of. */
const MOST_UNITS = 500;
/** Shorter sentences ("Dr.", "Hi!") say nothing alone. */
const FEWEST_WORDS = 2;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });
const words = new Intl.Segmenter('en', { granularity: 'word' });
const sentences = new Intl.Segmenter('en', { granularity: 'sentence' });

const FENCE = /^\s*(```|~~~)/;
const SAYS_SOMETHING = /[\p{L}\p{N}\p{Extended_Pictographic}]/u;
/** Marks at the start of a line: headings, quotes, lists, tasks. */
const LINE_MARKS = /^(?:\s*(?:#{1,6}(?=\s)|>|[-*+](?=\s)|\d{1,9}[.)](?=\s)|\[[ xX]\](?=\s)))+\s*/;
/** Marks inside of it, and what stays of them. */
const INLINE: [RegExp, string][] = [
  [/!?\[([^\][]*)\]\([^()\s]*(?:\s[^()]*)?\)/g, '$1'],
  [/<\/?[a-zA-Z][^<>]*>/g, ''],
  [/`+([^`]+)`+/g, '$1'],
  [/(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1/g, '$2'],
  [/(?<![\p{L}\p{N}*\\])\*(?=[^\s*])([^*]+)(?<=[^\s\\])\*(?![\p{L}\p{N}*])/gu, '$1'],
  [/(?<![\p{L}\p{N}_\\])_(?=[^\s_])([^_]+)(?<=[^\s\\])_(?![\p{L}\p{N}_])/gu, '$1'],
  [/\\([!-/:-@[-`{-~])/g, '$1'],
];
/** Orders to turn the direction of what follows would turn the page around the title. */
const INVISIBLE = /[\p{Cc}\u200b\u2028-\u202e\u2060-\u2069\ufeff]+/gu;
const END_MARKS = /[\s.,;:、。，；：۔।-]+$/u;

/** One of nothing but space is none, so that one is made after the first answer. */
export function givenTitle(title: string | null | undefined): string | null {
  return title?.trim() ? title : null;
}

/**
 * A title for a conversation that begins with `text`: its first sentence or line, without markdown, cut between words to
 * about 60 characters as readers count them. Null where there is nothing to make one of.
 */
export function titleFrom(text: string): string | null {
  const line = firstLine(text.slice(0, LOOKED_AT).toWellFormed());
  if (line === null) return null;
  const title = cut(firstSentence(line));
  return title === '' ? null : title;
}

/** Outside of code, if there is anything outside of it. */
function firstLine(text: string): string | null {
  const prose: string[] = [];
  const code: string[] = [];
  let isCode = false;
  for (const line of text.split(/\r\n|[\n\r\u2028\u2029]/)) {
    if (FENCE.test(line)) isCode = !isCode;
    else (isCode ? code : prose).push(isCode ? plain(line) : plain(withoutMarks(line)));
  }
  const lines = [...prose, ...code];
  return lines.find((line) => SAYS_SOMETHING.test(line)) ?? lines.find((line) => line !== '') ?? null;
}

function withoutMarks(line: string): string {
  return INLINE.reduce((rest, [mark, kept]) => rest.replace(mark, kept), line.replace(LINE_MARKS, ''));
}

function plain(line: string): string {
  return line.replace(INVISIBLE, ' ').replace(/\s+/g, ' ').trim();
}

function firstSentence(line: string): string {
  let sentence = '';
  let count = 0;
  for (const { segment } of sentences.segment(line)) {
    sentence += segment;
    count += [...words.segment(segment)].filter(({ isWordLike }) => isWordLike).length;
    if (count >= FEWEST_WORDS) break;
  }
  return sentence.trim();
}

function cut(sentence: string): string {
  const whole = beginning(sentence, TITLE_LENGTH);
  if (whole === sentence) return sentence.replace(END_MARKS, '') || sentence;
  let kept = '';
  for (const { segment } of words.segment(sentence)) {
    if (kept.length + segment.length > whole.length) break;
    kept += segment;
  }
  // One word longer than all of it: an address, or a joke.
  const title = (kept.replace(END_MARKS, '') || whole).trimEnd();
  return title === '' ? '' : `${title}…`;
}

/** The first `count` graphemes, whole ones. */
function beginning(text: string, count: number): string {
  let kept = '';
  let left = count;
  for (const { segment } of graphemes.segment(text)) {
    if (left-- === 0 || kept.length + segment.length > MOST_UNITS - 1) break;
    kept += segment;
  }
  return kept;
}
