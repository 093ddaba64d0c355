/** What parsing made of a document: its text, and where its headings and pages begin (UTF-16 offsets, ascending). */
export interface ParsedText {
  readonly text: string;
  readonly sections: readonly { readonly level: number; readonly title: string; readonly start: number }[];
  readonly pages: readonly { readonly page: number; readonly start: number }[];
}

export const CHUNKING_STRATEGIES = ['recursive', 'markdown', 'fixed'] as const;
export type ChunkingStrategy = (typeof CHUNKING_STRATEGIES)[number];

export interface Chunking {
  readonly strategy: ChunkingStrategy;
  /** Most tokens of a chunk. */
  readonly size: number;
  /** Tokens that a chunk repeats of the one before it, less than `size`. */
  readonly overlap: number;
}

/** What one chunk may be set to; `overlap` is from 0 to less than the size. */
export const CHUNK_SIZE = { min: 50, max: 4_000 } as const;

/**
 * By the house's estimate of three bytes a token, 512 are some 250 words of English: long enough to answer by itself,
 * short enough to be about one thing and to fit any embedding model.
 */
export const DEFAULT_CHUNKING = { size: 512, overlap: 64 } as const;

export interface Chunk {
  /** From 0. */
  readonly position: number;
  /** The content is `text.slice(start, end)`; neither end is white space. */
  readonly start: number;
  readonly end: number;
  /** The page on which it starts. */
  readonly page: number | null;
  /** The headings that hold over the whole of it, outermost first. */
  readonly headingPath: string[];
  /** Estimated, of the content alone. */
  readonly tokens: number;
}
