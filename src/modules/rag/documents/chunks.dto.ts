import { pageOf } from '../../../platform/http/pagination.js';
import type { Chunk } from './chunk.js';

export class ChunkDto {
  id: string;
  documentId: string;
  /** In the document, from 0. */
  position: number;
  content: string;
  /** Null where the document has no pages. */
  page: number | null;
  /** Titles of the sections it is in, the widest first. */
  headingPath: string[];
  /** Where it stands in the document's text, in UTF-16 units. */
  start: number;
  end: number;
}

export class ChunkPage extends pageOf(ChunkDto) {}

export function shownChunk({ id, documentId, position, content, page, headingPath, startAt, endAt }: Chunk): ChunkDto {
  return { id, documentId, position, content, page, headingPath, start: startAt, end: endAt };
}
