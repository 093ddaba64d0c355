import { Injectable } from '@nestjs/common';
import { embeddedText } from '../chunking/embedded-text.js';
import { spacesOf, type VectorSpace } from '../collections/collection.js';
import type { Chunk } from '../documents/chunk.js';
import { ChunksRepository } from '../documents/chunks.repository.js';
import type { KnownDocument } from '../documents/document.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { EmbeddingsService } from '../embeddings/embeddings.service.js';
import { KnowledgeIndex } from '../index/knowledge-index.service.js';
import { HeldSteps } from './held-steps.js';
import type { IngestionHold } from './ingestion-hold.js';
import { IngestionsRepository } from './ingestions.repository.js';

/** Read and embedded at a time, so that neither texts nor vectors of a long document are in memory at once. */
const CHUNKS_A_PAGE = 500;
const PROGRESS_BEGUN = 0.3;
const PROGRESS_EMBEDDED = 0.98;

/**
 * The second stage: a vector for each chunk, first in the space that serves, then in the one that is being filled. What
 * is stored is never paid for again.
 */
@Injectable()
export class DocumentEmbedding {
  constructor(
    private readonly steps: HeldSteps,
    private readonly documents: DocumentsRepository,
    private readonly chunks: ChunksRepository,
    private readonly ingestions: IngestionsRepository,
    private readonly embeddings: EmbeddingsService,
    private readonly index: KnowledgeIndex,
  ) {}

  /**
   * Fills one space with what it lacks; another one than that which serves only once the version is found. Chunks of the
   * same text are embedded once: until nothing is lacking, it has to be called again, which takes over what there is.
   * @throws IngestionStopped, what the provider throws
   */
  async embed(hold: IngestionHold): Promise<void> {
    const { collectionId } = hold.ingestion;
    const lacking = await this.steps.store(hold, async ({ document, collection }) => {
      const spaces = spacesOf(collection);
      for (const space of document.nextNumber === null ? spaces : spaces.slice(0, 1)) {
        const positions = await this.index.reuseVectors({ collectionId, ...space }, versionOf(document));
        if (positions.length === 0) continue;
        const { chunkCount } = await this.chunks.totals(collectionId, versionOf(document));
        return { space, document, positions, chunkCount };
      }
      return null;
    });
    if (!lacking) return;
    const { space, document, positions, chunkCount } = lacking;
    await this.index.prepare(space.dimensions);
    for (let from = 0; from < positions.length; from += CHUNKS_A_PAGE) {
      const page = positions.slice(from, from + CHUNKS_A_PAGE);
      const chunks = await this.chunks.ofVersion(collectionId, versionOf(document), page);
      // Those that an earlier try has stored count as well, so that progress never goes back.
      const done = chunkCount - positions.length + from;
      if (!(await this.embedPage(hold, { space, document, chunks, done, all: chunkCount }))) return;
    }
  }

  /** False: the space was given up meanwhile, and no more is paid for it. */
  private async embedPage(
    hold: IngestionHold,
    page: { space: VectorSpace; document: KnownDocument; chunks: Chunk[]; done: number; all: number },
  ): Promise<boolean> {
    const { space, document, chunks, done, all } = page;
    const { collectionId } = hold.ingestion;
    const texts = chunks.map((chunk) => embeddedText(chunk, document.title));
    const request = { texts, purpose: 'document', collectionId, signal: hold.signal } as const;
    for await (const { from, vectors } of this.embeddings.embed(space.model, request)) {
      const stored = vectors.map((vector, at) => ({ position: chunks[from + at]?.position ?? -1, vector }));
      const progress = PROGRESS_BEGUN + (PROGRESS_EMBEDDED - PROGRESS_BEGUN) * ((done + from + vectors.length) / all);
      const isWanted = await this.steps.store(hold, async ({ collection }) => {
        if (!spacesOf(collection).some(({ spaceId }) => spaceId === space.spaceId)) return false;
        await Promise.all([
          this.index.addVectors({ collectionId, ...space }, versionOf(document), stored),
          this.ingestions.advance(hold.ingestion.id),
          // What is found already stays ready while it gets other vectors.
          ...(document.nextNumber === null ? [] : [this.documents.showState(document.id, 'embedding', progress, null)]),
        ]);
        return true;
      });
      if (!isWanted) return false;
    }
    return true;
  }
}

/** The version that is being made, or else the one that is found. */
function versionOf({ id, number, nextNumber }: KnownDocument): number {
  const version = nextNumber ?? number;
  if (version === null) throw new Error(`The document ${id} has no version whose chunks are there`);
  return version;
}
