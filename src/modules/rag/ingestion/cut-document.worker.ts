import { chunkText, type ChunkableDocument, type CutChunk, type ChunkingOptions } from '../chunking/chunk-text.js';

export interface CutInput {
  document: ChunkableDocument;
  chunking: ChunkingOptions;
}

/** Cuts a document; long ones take a while. */
export default function cutDocument({ document, chunking }: CutInput): CutChunk[] {
  return chunkText(document, chunking);
}
