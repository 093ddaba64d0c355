import type { Language } from '../analysis/languages.js';

/** A result of a search that is looked at again. */
export interface Candidate {
  readonly documentTitle: string;
  readonly headingPath: readonly string[];
  readonly content: string;
  /** From 0 to 1. */
  readonly score: number;
  /** Of the collection that it is in. */
  readonly words: CollectionWords;
}

export interface CollectionWords {
  readonly language: Language;
  /** In how many of its chunks a term is; nothing where the search had no need to know. */
  readonly having: ReadonlyMap<string, number>;
  readonly chunkCount: number;
}

export interface Reranking {
  readonly query: string;
  readonly candidates: readonly Candidate[];
  readonly signal: AbortSignal;
}

/** What came of a closer look, from 0 to 1 both. */
export interface Look {
  readonly relevance: number;
  /** By which it stands among the others. */
  readonly score: number;
}

/** A look for each candidate in its order; null for one that was not looked at. */
export interface Reranker {
  look(reranking: Reranking): Promise<(Look | null)[]>;
}

/** A candidate as it is read: what it is about stands above it. */
export function shownText({ documentTitle, headingPath, content }: Candidate): string {
  return [documentTitle, headingPath.join(' > '), content].filter((part) => part !== '').join('\n\n');
}
