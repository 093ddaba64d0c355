import type { ListedPage } from '../client/mcp-connection.js';

/** A server that always has another page is left at some point. */
const MOST_PAGES = 200;
const MOST_CHARS = 16 * 1024 * 1024;

/** The items of all pages, up to one more than `most`, so that too many are seen to be. */
export async function allPages(
  page: (cursor: string | undefined) => Promise<ListedPage>,
  most: number,
): Promise<unknown[]> {
  const items: unknown[] = [];
  let chars = 0;
  let cursor: string | undefined;
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const { items: more, nextCursor } = await page(cursor);
    items.push(...more);
    chars += JSON.stringify(more).length;
    if (nextCursor === undefined || nextCursor === cursor || items.length > most || chars > MOST_CHARS) break;
    cursor = nextCursor;
  }
  return items.slice(0, most + 1);
}
