/** Scripts that are written without spaces between words, or (Korean) with endings grown to them. */
const UNSPACED = String.raw`[[\p{L}\p{N}\p{M}]&&[\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Hang}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]]`;
const BEGIN = String.raw`[[\p{L}\p{N}]--${UNSPACED}]`;
const GO_ON = String.raw`[[\p{L}\p{N}\p{M}]--${UNSPACED}]`;
/** A word with what may stand inside of one, a run of an unspaced script, or an emoji. */
const WORD = new RegExp(
  String.raw`${BEGIN}${GO_ON}*(?:['.,_\-‐‑]${GO_ON}+)*|${UNSPACED}+|\p{Emoji_Presentation}`,
  'gv',
);
const UNSPACED_RUN = new RegExp(`^${UNSPACED}`, 'v');
const ASCII_WORD = /[a-z0-9]+(?:['.,_-][a-z0-9]+)*/g;
const BEYOND_ASCII = /[^\0-\x7f]/;
/** Vowel signs and the lengthening stroke of Arabic, which are written or not. */
const ARABIC_SIGNS = /\u0640|[\u064B-\u065F\u0670]/g;
const APOSTROPHES = /[’ʼ＇]/g;
const PLAIN = /^[^'.,_\-‐‑]*$/;
const GROUPED_NUMBER = /^\p{N}{1,3}(?:,\p{N}{3})+(?:\.\p{N}+)?$/u;
const NUMBER = /^\p{N}+(?:\.\p{N}+)+$/u;
/** `x-ray` is looked for as `xray` too; a chain of more is no word. */
const MOST_JOINED = 3;
/** In UTF-16 units; what words are cut to. */
const LONGEST_WORD = 64;

/**
 * Calls `each` with the words of a text in their order: lower case, compatible characters made one (NFKC). `IL-6` is
 * `il`, `6` and `il6`; an unspaced script is read by its characters and pairs of them; an apostrophe stays.
 */
export function eachWord(text: string, each: (word: string) => void): void {
  if (!BEYOND_ASCII.test(text)) readWords(text.toLowerCase(), ASCII_WORD, each);
  else {
    const plain = text.normalize('NFKC').toLowerCase().replace(APOSTROPHES, "'").replace(ARABIC_SIGNS, '');
    readWords(plain, WORD, each);
  }
}

function readWords(text: string, pattern: RegExp, each: (word: string) => void): void {
  for (const [found] of text.matchAll(pattern)) {
    if (UNSPACED_RUN.test(found)) readRun(found, each);
    else if (PLAIN.test(found)) each(cut(found));
    else readJoined(found, each);
  }
}

function readRun(run: string, each: (word: string) => void): void {
  let before = '';
  for (const character of run) {
    each(character);
    if (before) each(before + character);
    before = character;
  }
}

function readJoined(found: string, each: (word: string) => void): void {
  if (NUMBER.test(found)) each(cut(found));
  else if (GROUPED_NUMBER.test(found)) each(cut(found.replaceAll(',', '')));
  else {
    for (const piece of found.split(/[.,]/)) {
      const parts = piece.split(/[_\-‐‑]/).filter((part) => part !== '');
      for (const part of parts) each(cut(part));
      if (parts.length > 1 && parts.length <= MOST_JOINED) each(cut(parts.join('')));
    }
  }
}

/** No character is cut in two. */
function cut(word: string): string {
  if (word.length <= LONGEST_WORD) return word;
  const start = word.slice(0, LONGEST_WORD);
  return start.isWellFormed() ? start : start.slice(0, -1);
}
