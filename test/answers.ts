import type { Answer } from './client.js';

export interface Listed<Item> {
  data: Item[];
  nextCursor: string | null;
}

/** A page of things that have an id, of which a test looks at no more. */
export type Ids = Listed<{ id: string }>;

/** Which fields a 422 complains of. */
export function faultyFields(answer: Answer): string[] {
  return answer.json<{ validationErrors: { field: string }[] }>().validationErrors.map(({ field }) => field);
}
