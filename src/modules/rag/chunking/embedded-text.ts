/** Of a breadcrumb; the nearest headings say the most of a passage. */
const MOST_CRUMBS = 400;
const MOST_TITLE = 200;

/**
 * What of a chunk is embedded and indexed: the title of its document and the headings above it say what it is about, and
 * are no part of what is shown of it.
 */
export function embeddedText(
  chunk: { readonly content: string; readonly headingPath: readonly string[] },
  documentTitle: string,
): string {
  const title = documentTitle.slice(0, MOST_TITLE).toWellFormed().trim();
  const crumbs: string[] = [];
  let room = MOST_CRUMBS;
  for (const heading of chunk.headingPath.toReversed()) {
    room -= heading.length;
    if (room < 0) break;
    // A document's first heading is often its title, and a section's first line its heading.
    if (heading !== title) crumbs.unshift(heading);
  }
  return [title, crumbs.join(' > '), chunk.content].filter((part) => part !== '').join('\n\n');
}
