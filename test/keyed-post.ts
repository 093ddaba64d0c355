import type { Listed } from './answers.js';
import type { Client } from './client.js';

/** A request that takes an `Idempotency-Key`. */
export interface KeyedPost {
  as: Client;
  path: string;
  body?: object;
  /** What the key must not be used for again; absent: `body` with a field more. */
  other?: object;
  /** What would be one more if it were carried out twice. */
  made(): Promise<number>;
}

/** Of a list, up to a hundred. */
export async function countOf(as: Client, path: string): Promise<number> {
  const answer = await as.get(`${path}${path.includes('?') ? '&' : '?'}limit=100`).expect(200);
  return answer.json<Listed<object>>().data.length;
}
