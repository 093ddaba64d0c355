import type { Chunk, Chunking, ParsedText } from '../chunking/chunk.js';
import { chunkText } from '../chunking/chunk-text.js';

interface CutInput {
  document: ParsedText;
  chunking: Chunking;
}

/** Cuts a document; long ones take a while. */
export default function cutDocument({ document, chunking }: CutInput): Chunk[] {
  return chunkText(document, chunking);
}
