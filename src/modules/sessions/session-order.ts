import { BadRequest } from '../../contracts/errors.js';
import type { Cursors, Page } from '../../platform/http/pagination.js';
import type { SessionEntity } from './session.entity.js';
import type { ListSessionsQuery } from './sessions.dto.js';

/** What the list is sorted by; after it the newest first. */
type SessionSort = 'createdAt' | 'lastActivityAt' | 'rank';

/** Where in its order a list goes on. */
export interface SessionsAfter {
  id: string;
  /** ISO time of the last one's activity, in whole milliseconds; only when sorted by it. */
  at: string | null;
  /** Of the last one, as the database writes it; only when sorted by it. */
  rank: string | null;
  /** ISO time of the first page; messages made since are not searched, so that no rank changes between two pages. */
  searchedAt: string | null;
}

export type ListedSession = SessionEntity & { rank: string | null };

export function sortOf({ sort, search }: ListSessionsQuery): SessionSort {
  return sort ?? (search === undefined ? 'createdAt' : 'rank');
}

/** Null for the first page. @throws BadRequest for a cursor of another order or list */
export function afterOf(query: ListSessionsQuery, cursors: Cursors): SessionsAfter | null {
  if (query.cursor === undefined) return null;
  const none = { at: null, rank: null, searchedAt: null };
  switch (sortOf(query)) {
    case 'createdAt': {
      const [id = ''] = cursors.decode(query.cursor, 1);
      return { ...none, id };
    }
    case 'lastActivityAt': {
      const [at = '', id = ''] = cursors.decode(query.cursor, 2);
      return { ...none, at: time(at), id };
    }
    case 'rank': {
      const [rank = '', searchedAt = '', id = ''] = cursors.decode(query.cursor, 3);
      return { ...none, rank, searchedAt: time(searchedAt), id };
    }
  }
}

/** The page of up to `limit + 1` rows. */
export function sessionPage<Item>(
  rows: readonly ListedSession[],
  query: ListSessionsQuery,
  after: SessionsAfter | null,
  cursors: Cursors,
  shown: (session: SessionEntity) => Item,
): Page<Item> {
  const searchedAt = after?.searchedAt ?? new Date().toISOString();
  const positions: Record<SessionSort, (row: ListedSession) => string[]> = {
    createdAt: ({ id }) => [id],
    lastActivityAt: ({ lastActivityAt, id }) => [lastActivityAt.toISOString(), id],
    rank: ({ rank, id }) => [String(rank), searchedAt, id],
  };
  return cursors.page(rows, query.limit, shown, positions[sortOf(query)]);
}

function time(text: string): string {
  const parsed = new Date(text);
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString() !== text)
    throw new BadRequest('The cursor belongs to another list');
  return text;
}
