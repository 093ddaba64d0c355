/** A piece of a document's text. */
export interface Chunk {
  id: string;
  collectionId: string;
  documentId: string;
  /** Of the document's version. */
  number: number;
  /** In the version, from 0. */
  position: number;
  content: string;
  page: number | null;
  /** Titles of the sections it is in, the widest first. */
  headingPath: string[];
  /** In the document's text, in UTF-16 units. */
  startAt: number;
  endAt: number;
}

export interface NewChunk extends Chunk {
  /** Words in it, repeated ones counted. */
  termCount: number;
  /** SHA-256 of what is embedded. */
  hash: Buffer;
}
