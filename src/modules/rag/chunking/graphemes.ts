/** What no longer fits in here is not looked at as one: a letter with a hundred accents may be cut. */
const MOST_UNITS = 32;

const JOINER = 0x200d;
/** What belongs to the character before it: accents, variants, skin colours, vowels of Hangul written in parts. */
const EXTENDS = /^(?:\p{M}|\p{Emoji_Modifier}|[\u200c\u{E0020}-\u{E007F}\u1160-\u11FF]|\u200d)/u;
const REGIONAL = /^\p{Regional_Indicator}/u;

/** The last place up to `at` and after `from`, where a character begins, that cuts none; `at` where it would be far off. */
export function cutBefore(text: string, at: number, from: number): number {
  const least = Math.max(from + 1, at - MOST_UNITS);
  for (let place = at; place >= least; place -= 1) if (isWholeAt(text, place, from)) return place;
  return at;
}

/** The first place from `at` on and before `to` that cuts no character; `at` where it would be far off. */
export function cutAfter(text: string, at: number, from: number, to: number): number {
  const most = Math.min(to - 1, at + MOST_UNITS);
  for (let place = at; place <= most; place += 1) if (isWholeAt(text, place, from)) return place;
  return at;
}

function isWholeAt(text: string, at: number, from: number): boolean {
  if (at <= 0 || at >= text.length) return true;
  const [before, after] = [text.charCodeAt(at - 1), text.charCodeAt(at)];
  // Nothing below takes part in any cluster, but for the end of a line.
  if (after < 0x300 && before !== JOINER) return !(before === 13 && after === 10);
  if (before >= 0xd800 && before < 0xdc00 && after >= 0xdc00 && after < 0xe000) return false;
  const next = text.slice(at, at + 2);
  if (before === JOINER || EXTENDS.test(next)) return false;
  return !(REGIONAL.test(next) && regionalsBefore(text, at, from) % 2 === 1);
}

/** Flags are pairs of such. */
function regionalsBefore(text: string, at: number, from: number): number {
  let count = 0;
  for (let end = at; end - 2 >= from && REGIONAL.test(text.slice(end - 2, end)); end -= 2) count += 1;
  return count;
}
