export const DOCUMENT_STATES = ['queued', 'parsing', 'embedding', 'ready', 'failed'] as const;
export type DocumentStatus = (typeof DOCUMENT_STATES)[number];

/** Why a document could not be taken in: a sentence that people can act on. */
export interface DocumentError {
  code: string;
  message: string;
}

export interface KnownDocument {
  tenantId: string;
  id: string;
  collectionId: string;
  title: string;
  /** Null until the page of a URL was read. */
  mimeType: string | null;
  sizeBytes: number | null;
  source: 'text' | 'file' | 'url';
  /** The name of the file, or the URL. */
  origin: string | null;
  status: DocumentStatus;
  /** From 0 to 1. */
  progress: number;
  error: DocumentError | null;
  /** Of the version that is found by searches. */
  number: number | null;
  /** Of the one that is being made. */
  nextNumber: number | null;
  chunkCount: number;
  termTotal: number;
  metadata: Record<string, unknown>;
  createdBy: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What is asked to be taken in. */
export interface DocumentDraft {
  id: string;
  title: string;
  mimeType: string | null;
  sizeBytes: number | null;
  source: KnownDocument['source'];
  origin: string | null;
  /** SHA-256 of its bytes, or of its URL. */
  sourceHash: Buffer;
  /** Of a `text`. */
  text: string | null;
  metadata: Record<string, unknown>;
}
