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

/** The second stage: a vector for each chunk, in each space of the collection. What is stored is never paid for again. */
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

  /** @throws IngestionStopped, what the provider throws */
  async embed(hold: IngestionHold): Promise<void> {
    const { collectionId } = hold.ingestion;
    const { document, spaces } = await this.steps.store(hold, async (step) => {
      const number = versionOf(step.document);
      const missing = spacesOf(step.collection).map(async (space) => ({
        ...{ space, positions: await this.index.reuseVectors({ collectionId, ...space }, number) },
      }));
      return { document: step.document, spaces: await Promise.all(missing) };
    });
    for (const { space, positions } of spaces) {
      if (positions.length > 0) await this.index.prepare(space.dimensions);
      for (let from = 0; from < positions.length; from += CHUNKS_A_PAGE) {
        const page = positions.slice(from, from + CHUNKS_A_PAGE);
        const chunks = await this.chunks.ofVersion(collectionId, versionOf(document), page);
        await this.embedPage(hold, { space, document, chunks, done: from, all: positions.length });
      }
    }
  }

  private async embedPage(
    hold: IngestionHold,
    page: { space: VectorSpace; document: KnownDocument; chunks: Chunk[]; done: number; all: number },
  ): Promise<void> {
    const { space, document, chunks, done, all } = page;
    const { collectionId } = hold.ingestion;
    const texts = chunks.map((chunk) => embeddedText(chunk, document.title));
    const request = { texts, purpose: 'document', collectionId, signal: hold.signal } as const;
    for await (const { from, vectors } of this.embeddings.embed(space.model, request)) {
      const stored = vectors.map((vector, at) => ({ position: chunks[from + at]?.position ?? -1, vector }));
      const progress = PROGRESS_BEGUN + (PROGRESS_EMBEDDED - PROGRESS_BEGUN) * ((done + from + vectors.length) / all);
      await this.steps.store(hold, async () => {
        await Promise.all([
          this.index.addVectors({ collectionId, ...space }, versionOf(document), stored),
          this.ingestions.advance(hold.ingestion.id),
          // What is found already stays ready while it gets other vectors.
          ...(document.nextNumber === null ? [] : [this.documents.showState(document.id, 'embedding', progress, null)]),
        ]);
      });
    }
  }
}

/** The version that is being made, or else the one that is found. */
function versionOf({ id, number, nextNumber }: KnownDocument): number {
  const version = nextNumber ?? number;
  if (version === null) throw new Error(`The document ${id} has no version whose chunks are there`);
  return version;
}
