import { BadRequest } from '../../contracts/errors.js';
import type { Listed } from './served.js';

interface Source<Item> {
  readonly name: string;
  list(cursor: string | undefined): Promise<Listed<Item>>;
}

/**
 * A page of several lists, one after the other. A cursor is the name of its list and the cursor there.
 * @throws BadRequest for a cursor that was not made here
 */
export async function joinedPage<Item>(
  sources: readonly Source<Item>[],
  cursor: string | undefined,
): Promise<{ items: Item[]; nextCursor?: string }> {
  if (cursor === undefined && sources.length === 0) return { items: [] };
  const [, name, inside] = cursor === undefined ? ['', sources[0]?.name, ''] : (/^(\w+):(.*)$/.exec(cursor) ?? []);
  const index = sources.findIndex((source) => source.name === name);
  const source = sources[index];
  if (!source) throw new BadRequest('The cursor is not valid');
  const { items, nextCursor } = await source.list(inside === '' ? undefined : inside);
  const following = sources[index + 1];
  if (nextCursor !== null) return { items, nextCursor: `${source.name}:${nextCursor}` };
  if (!following) return { items };
  // Clients that read one page only are to see what there is.
  return items.length === 0 ? joinedPage(sources, `${following.name}:`) : { items, nextCursor: `${following.name}:` };
}
