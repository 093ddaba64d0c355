/** A text of the conversation that an answer may be taken from. */
export interface KnownText {
  text: string;
  /** `prompt`: how it is to behave and what is around it, rather than what anybody wants to know. */
  source: 'user' | 'given' | 'prompt';
}

const STOP_WORDS = new Set(
  (
    'a about am an and any are as at be been but by can could did do does for from had has have he her him his how i if in is it its ' +
    'me mine of on or our she should so tell than that the their them then there these they this those to us was we were what when ' +
    'where which who whom why will with would you your many much may might must please know say said remember remind'
  ).split(' '),
);

/** Scripts that put nothing between words. */
const UNDIVIDED = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** Content words, roughly reduced to their stems; `my` stays, since it tells whose. */
export function keywords(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return new Set(
    words
      .filter((word) => !STOP_WORDS.has(word))
      .flatMap((word) => (isPair(word) ? pairs(word) : [word]))
      .map((word) => (word.length > 4 ? word.replace(/(?:ing|ed|es|s|e)$/, '') : word)),
  );
}

/** One of those that a text without spaces is cut into, or such a text. */
export function isPair(word: string): boolean {
  return UNDIVIDED.test(word);
}

/** Each two characters that stand side by side. */
function pairs(word: string): string[] {
  const characters = [...word];
  return characters.length === 1
    ? characters
    : characters.slice(1).map((next, index) => `${characters[index] ?? ''}${next}`);
}

function sentences(text: string): string[] {
  return text
    .split(/(?<=[.!?])\s+|\n+/)
    .map((sentence) => sentence.trim())
    .filter((sentence) => sentence !== '' && !sentence.endsWith('?'));
}

/**
 * The sentence that holds most of a question's content words, at least `least` (by default half of them); of equals the
 * last, being the newest.
 */
export function bestSentence(
  question: string,
  texts: KnownText[],
  least?: number,
): { sentence: string; source: KnownText['source'] } | undefined {
  const wanted = keywords(question);
  let best: { sentence: string; source: KnownText['source'] } | undefined;
  let most = Math.max(1, least ?? wanted.size / 2);
  for (const { text, source } of texts) {
    for (const sentence of sentences(text)) {
      const held = keywords(sentence);
      const shared = [...wanted].filter((word) => held.has(word)).length;
      if (shared >= most) {
        most = shared;
        best = { sentence, source };
      }
    }
  }
  return best;
}
