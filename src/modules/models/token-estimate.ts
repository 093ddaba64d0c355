/**
 * Taken low, so that estimates err to the full side. UTF-8 follows the scripts much as tokenizers do: a Latin letter
 * takes one byte, one of another alphabet two, a character of Chinese, Japanese, Korean, Thai or Hindi three, a token of
 * its own. English prose comes out near 1.9 tokens a word; Anthropic's documentation gives about 1.8 for current models
 * (a million tokens are some 555,000 words).
 */
const BYTES_PER_TOKEN = 3;

/** Roughly how many tokens a text is, whatever its script; a megabyte is measured in less than a millisecond. */
export function estimateTokens(text: string): number {
  return tokensOfBytes(Buffer.byteLength(text));
}

/** Of a text in UTF-8 of which only the length is known. */
export function tokensOfBytes(bytes: number): number {
  return bytes === 0 ? 0 : Math.max(1, Math.round(bytes / BYTES_PER_TOKEN));
}

/** The beginning of a text, of so many tokens at most; no character is cut. */
export function firstTokens(text: string, tokens: number): string {
  return text.slice(0, unitsWithin(text, tokens * BYTES_PER_TOKEN));
}

/** The end of a text, of so many tokens or one more; no character is cut. */
export function lastTokens(text: string, tokens: number): string {
  const bytes = tokens * BYTES_PER_TOKEN;
  // Each code unit takes a byte at least.
  const end = text.slice(-bytes);
  return end.slice(unitsWithin(end, Buffer.byteLength(end) - bytes)).toWellFormed();
}

function unitsWithin(text: string, bytes: number): number {
  return new TextEncoder().encodeInto(text, new Uint8Array(Math.max(0, Math.floor(bytes)))).read;
}
