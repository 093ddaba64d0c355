import type { Chunking } from '../chunking/chunk.js';

/** Vectors of a collection that one model made. */
export interface VectorSpace {
  spaceId: string;
  model: string;
  dimensions: number;
}

export interface Collection {
  tenantId: string;
  id: string;
  name: string;
  description: string | null;
  language: string;
  chunking: Chunking;
  /** By whom it can be read; null: by the tenant. */
  userIds: string[] | null;
  metadata: Record<string, unknown>;
  /** The vectors that serve. */
  embeddingModel: string;
  dimensions: number;
  spaceId: string;
  /** Those that are to take their place, while they are being made. */
  nextModel: string | null;
  nextDimensions: number | null;
  nextSpaceId: string | null;
  documentCount: number;
  chunkCount: number;
  /** Words in its chunks, repeated ones counted. */
  termTotal: number;
  createdBy: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** The space that serves, and the one that is being filled. */
export function spacesOf(collection: Collection): VectorSpace[] {
  const { spaceId, embeddingModel, dimensions, nextSpaceId, nextModel, nextDimensions } = collection;
  const serving = { spaceId, model: embeddingModel, dimensions };
  if (nextSpaceId === null || nextModel === null || nextDimensions === null) return [serving];
  return [serving, { spaceId: nextSpaceId, model: nextModel, dimensions: nextDimensions }];
}
