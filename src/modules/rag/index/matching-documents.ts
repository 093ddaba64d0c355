import { isLive, isOneOf } from './look-ups.js';

/** A condition over `d`, a row of rag_documents, with named parameters. */
export interface DocumentFilter {
  sql: string;
  parameters: Record<string, unknown>;
}

/** Which versions of one collection's documents a search may find. */
export class MatchingDocuments {
  private constructor(
    private readonly filter: DocumentFilter | null,
    /** Where their chunks are few: the numbers of the versions. */
    readonly numbers: ReadonlySet<number> | null,
  ) {}

  /** Those that are live. */
  static all(): MatchingDocuments {
    return new MatchingDocuments(null, null);
  }

  /** So many that they are better looked at when they are met. */
  static many(filter: DocumentFilter): MatchingDocuments {
    return new MatchingDocuments(filter, null);
  }

  static few(numbers: readonly number[]): MatchingDocuments {
    return new MatchingDocuments(null, new Set(numbers));
  }

  get isAll(): boolean {
    return this.filter === null && this.numbers === null;
  }

  get isNone(): boolean {
    return this.numbers?.size === 0;
  }

  /** Filters are of any shape. */
  get varies(): boolean {
    return this.filter !== null;
  }

  get parameters(): Record<string, unknown> {
    if (this.numbers) return { numbers: [...this.numbers] };
    return this.filter?.parameters ?? {};
  }

  // Conditions for rows of `alias` with a `number`, where `:collectionId` is the collection, and no `numbers` are known.

  condition(alias: string): string {
    // Those that a filter was asked about are live.
    return this.filter ? isLive(alias, this.filter.sql) : 'true';
  }

  /** As {@link condition}, and that the row is of a version that is live. */
  livingCondition(alias: string): string {
    return isLive(alias, this.filter?.sql);
  }

  /** The same, where so many rows are met that all documents had better be looked at first. */
  livingConditionOfMany(alias: string): string {
    return isOneOf(alias, this.filter?.sql);
  }
}
