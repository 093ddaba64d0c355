/** As long as a title and no paragraph. */
const LONGEST = 200;

/**
 * The short first paragraph that stands before others, else nothing: the title where a chunk is embedded with its
 * document's. It says what the rest is about, so its words count twice.
 */
export function headingOf(text: string): string {
  const end = text.slice(0, LONGEST + 2).indexOf('\n\n');
  return end < 0 ? '' : text.slice(0, end);
}
