import { EACH, isLive } from './look-ups.js';

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

  /** As {@link condition}, and that the row is of a version that is live. */
  livingCondition(alias: string): string {
    // Those that a filter was asked about are.
    return this.isAll ? isLive(alias) : this.condition(alias);
  }

  /** For rows of `alias` with a `number`, where `:collectionId` is the collection. */
  condition(alias: string): string {
    if (this.numbers) return `${alias}.number = ANY (:numbers::int[])`;
    if (!this.filter) return 'true';
    return `EXISTS (SELECT 1 FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.number = ${alias}.number
      AND d.collection_id = :collectionId AND (${this.filter.sql}) ${EACH})`;
  }
}
