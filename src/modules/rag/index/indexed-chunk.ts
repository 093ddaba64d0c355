/** What keyword search knows of a chunk. */
export interface IndexedChunk {
  position: number;
  /** How often each word is in it. */
  terms: ReadonlyMap<string, number>;
  /** Words in it, with their repetitions. */
  length: number;
}

/** Where a chunk is. */
export interface ChunkPlace {
  collectionId: string;
  number: number;
  position: number;
}
