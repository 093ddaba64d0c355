import { cutBefore } from './graphemes.js';
import { isSpace } from './text-bytes.js';

/** How far one looks back over quotes, brackets and blanks for the end of a sentence. */
const MOST_CLOSING = 8;

const ENDS = codes('.!?…;:؟۔।॥։။።‽⁇⁈⁉');
/** These need no blank after them. */
const WIDE_ENDS = codes('。！？｡；');
const CLOSES = codes('"\')]}»”’›」』】）］｝〉》〕');
/** What may not begin a line, and what may not end one. */
const NEVER_FIRST = codes(
  '、。，．・：；？！゛゜ヽヾゝゞ々ーぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ」』】）］｝〉》〕｡､…‥',
);
const NEVER_LAST = codes('「『【（［｛〈《〔');
/** Scripts that write words without blanks between them: Thai, Lao, Burmese, Khmer. */
const UNSPACED = /[\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF]/;
const WORDS = new Intl.Segmenter('th', { granularity: 'word' });
const AROUND = { before: 60, after: 20 };

export interface CutRange {
  /** Of what is cut. */
  start: number;
  /** The cut lies from `least` to `most`. */
  least: number;
  most: number;
}

/**
 * The best place to cut a run of text: between lines, unless they are of one wrapped sentence,
 * between sentences, between lines after all, between words, between characters. The last one of the best kind.
 */
export function cutPoint(text: string, { start, least, most }: CutRange, linesOnly = false): number {
  let sentence = -1;
  let line = -1;
  let word = -1;
  for (let at = most; at >= least; at -= 1) {
    const before = text.charCodeAt(at - 1);
    if (before === 10) {
      if (linesOnly || !isWrapped(text, at)) return at;
      if (line < 0) line = at;
      continue;
    }
    if (linesOnly && word >= 0) continue;
    if (isSpace(before)) {
      if (isSpace(text.charCodeAt(at))) continue;
      if (word < 0) word = at;
      if (sentence < 0 && endsSentence(text, at)) sentence = at;
    } else if (before >= 0x3001) {
      if (sentence < 0 && WIDE_ENDS.has(before) && !CLOSES.has(text.charCodeAt(at))) sentence = at;
      if (word < 0 && isBetweenSigns(text, at)) word = at;
    }
  }
  if (sentence >= 0 && !linesOnly) return sentence;
  if (line >= 0) return line;
  return word >= 0 ? word : characterCut(text, { start, least, most });
}

/** The first good place to begin from `from` on and before `to`: a line or a sentence if near, else a word. */
export function beginPoint(text: string, from: number, to: number): number {
  const near = from + ((to - from) >>> 1);
  let word = -1;
  for (let at = from; at < to; at += 1) {
    const before = text.charCodeAt(at - 1);
    if (isSpace(text.charCodeAt(at))) continue;
    if (at <= near && (before === 10 || WIDE_ENDS.has(before))) return at;
    if (isSpace(before)) {
      if (at <= near && endsSentence(text, at)) return at;
      if (word < 0) word = at;
    } else if (word < 0 && before >= 0x3001 && isBetweenSigns(text, at)) word = at;
    if (at > near && word >= 0) break;
  }
  return word;
}

/** One sentence goes on in the next line, as in texts wrapped at some width. */
function isWrapped(text: string, at: number): boolean {
  const next = text[at] ?? '';
  return next >= 'a' && next <= 'z' && !endsSentence(text, at);
}

/** Whether a sentence ended before the white space that ends at `at`. */
function endsSentence(text: string, at: number): boolean {
  const next = text.charCodeAt(at);
  for (let back = at - 1, passed = 0; back >= 0 && passed < MOST_CLOSING; back -= 1, passed += 1) {
    const code = text.charCodeAt(back);
    if (WIDE_ENDS.has(code)) return true;
    // After an abbreviation the sentence goes on in small letters.
    if (ENDS.has(code)) return !(next >= 97 && next <= 122);
    if (!isSpace(code) && !CLOSES.has(code)) return false;
  }
  return false;
}

function isBetweenSigns(text: string, at: number): boolean {
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  return isSign(before) && isSign(after) && !NEVER_LAST.has(before) && !NEVER_FIRST.has(after) && !isLow(after);
}

/** Chinese and Japanese: cut anywhere, as lines are broken. Half of a pair stands for its rarer signs. */
function isSign(code: number): boolean {
  return (
    (code >= 0x3001 && code <= 0x30ff) ||
    (code >= 0x3400 && code <= 0x9fff) ||
    (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xff01 && code <= 0xff9f) ||
    (code >= 0xd840 && code <= 0xd888) ||
    isLow(code)
  );
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

function characterCut(text: string, { start, least, most }: CutRange): number {
  if (UNSPACED.test(text.charAt(most))) {
    const from = Math.max(least, most - AROUND.before);
    const around = text.slice(from, most + AROUND.after);
    const word = WORDS.segment(around).containing(most - from);
    if (word && word.index > 0) return from + word.index;
  }
  const place = cutBefore(text, most, start);
  return place < least ? most : place;
}

function codes(characters: string): ReadonlySet<number> {
  return new Set(Array.from(characters, (character) => character.charCodeAt(0)));
}
