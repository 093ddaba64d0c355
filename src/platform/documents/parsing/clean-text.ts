/**
 * As it can be stored, searched and cited: lines end with \n, and there is nothing invisible but tabs and what joins
 * letters. What is clean stays as it is.
 */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, '\n')
    .replace(/[^\P{Cc}\n\t]|[\u00ad\ufeff]/gu, '')
    .toWellFormed()
    .normalize('NFC');
}

/** On one line. */
export function cleanLine(text: string): string {
  return cleanText(text).replace(/\s+/g, ' ').trim();
}

export function isVisible(text: string): boolean {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(text);
}
