/** The vectors of a collection made by one model. */
export interface IndexedSpace {
  collectionId: string;
  spaceId: string;
  dimensions: number;
}

/** As many as an HNSW index takes. */
const MOST_DIMENSIONS = 4_000;
/** Buckets with an index; a large space has one for itself until there are more than these. */
export const BUCKETS = 32;

/** Bucket 0 is where vectors are written to. */
export function vectorTable(dimensions: number, bucket = 0): string {
  if (!Number.isSafeInteger(dimensions) || dimensions < 1 || dimensions > MOST_DIMENSIONS)
    throw new Error(`There are no vectors of ${dimensions} dimensions`);
  return bucket === 0 ? `rag_vectors_${dimensions}` : `rag_vectors_${dimensions}_${bucket}`;
}

/**
 * So many vectors are compared one by one in some 6 ms (0.7 µs for one of 384 dimensions), and none is missed; with more
 * that a filter leaves an index is used.
 */
export function exactLimit(dimensions: number): number {
  return Math.min(10_000, Math.round(3_000_000 / dimensions));
}

/** A collection of more vectors gets an index, which finds what a search without a filter asks for in less time. */
export function indexLimit(dimensions: number): number {
  return Math.round((exactLimit(dimensions) * 2) / 3);
}

/** As Postgres reads it; of length 1, so that the inner product is the cosine. One without direction stays 0. */
export function vectorText(vector: Float32Array): string {
  let square = 0;
  for (const value of vector) square += value * value;
  const factor = square > 0 ? 1 / Math.sqrt(square) : 0;
  // A halfvec keeps three digits; shorter texts are read faster.
  let text = '';
  for (let n = 0; n < vector.length; n++)
    text += `${n > 0 ? ',' : ''}${Math.round((vector[n] ?? 0) * factor * 1e5) / 1e5}`;
  return `[${text}]`;
}
