/** The work of taking a document in, as its holder knows it. */
export interface Ingestion {
  id: string;
  collectionId: string;
  documentId: string;
  /** `parse`: from its bytes; `embed`: its chunks are there, vectors of them are missing. */
  stage: 'parse' | 'embed';
  /** Tries in a row that stored nothing. */
  failures: number;
}
