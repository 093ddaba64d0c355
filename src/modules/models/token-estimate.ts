/**
 * Roughly how many tokens a text is: a word counts one for every four characters begun, a sign and each character of
 * scripts written without spaces count one. English prose comes out near 1.7 a word; Anthropic's documentation gives
 * about 1.8 for current models (a million tokens are some 555,000 words).
 */
export function estimateTokens(text: string): number {
  let tokens = 0;
  for (const [piece] of text.matchAll(
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}\p{M}]+|[^\s]/gu,
  )) {
    tokens += Math.ceil(piece.length / 4);
  }
  return tokens;
}
