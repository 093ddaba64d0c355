import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { BoundedWork } from '../../../platform/compute/bounded-work.js';
import { DocumentParser, DocumentUnreadable } from '../../../platform/documents/document-parser.js';
import type { ParsedDocument } from '../../../platform/documents/parsing/parsed-document.js';
import type { Language } from '../analysis/languages.js';
import { embeddedText } from '../chunking/embedded-text.js';
import type { Collection } from '../collections/collection.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import type { NewChunk } from '../documents/chunk.js';
import { ChunksRepository } from '../documents/chunks.repository.js';
import type { KnownDocument } from '../documents/document.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { KnowledgeIndex, type IndexedChunk } from '../index/knowledge-index.service.js';
import type cutDocument from './cut-document.worker.js';
import { DocumentSource, type SourceBytes } from './document-source.js';
import { GarbageRepository } from './garbage.repository.js';
import { HeldSteps } from './held-steps.js';
import type { IngestionHold } from './ingestion-hold.js';
import { IngestionsRepository } from './ingestions.repository.js';
import type readTerms from './read-terms.worker.js';

const CUT = new URL('./cut-document.worker.js', import.meta.url);
const TERMS = new URL('./read-terms.worker.js', import.meta.url);
const LIMIT_MS = 60_000;
/** Stored in one transaction. */
const CHUNKS_A_STEP = 200;
/** How far a document has come when it is opened, and when its chunks are all there. */
const PROGRESS_OPENED = 0.05;
const PROGRESS_READ = 0.3;
const LONGEST_TITLE = 500;

/** A document under a version's number, of which the chunks are being stored. */
interface Version {
  document: KnownDocument;
  collection: Collection;
  number: number;
}

/** The first stage: from a document's bytes to chunks that can be found by their words. */
@Injectable()
export class DocumentReading {
  constructor(
    private readonly steps: HeldSteps,
    private readonly source: DocumentSource,
    private readonly parser: DocumentParser,
    private readonly work: BoundedWork,
    private readonly documents: DocumentsRepository,
    private readonly collections: CollectionsRepository,
    private readonly chunks: ChunksRepository,
    private readonly ingestions: IngestionsRepository,
    private readonly garbage: GarbageRepository,
    private readonly index: KnowledgeIndex,
  ) {}

  /**
   * Whatever an earlier try has left is given up: from the same bytes comes the same again.
   * @throws DocumentUnreadable, WorkExceeded, IngestionStopped, what the source throws
   */
  async read(hold: IngestionHold): Promise<void> {
    const version = await this.begin(hold);
    const source = await this.source.open(version.document, hold.signal);
    const parsed = await this.parser.parse(() => source.bytes(), source.type, hold.signal);
    const title = titleOf(version.document, parsed);
    const { chunking } = version.collection;
    const cuts = await this.work.run<typeof cutDocument>(CUT, { document: parsed, chunking }, this.options(hold));
    if (cuts.length === 0) throw new DocumentUnreadable('no_text');
    for (let from = 0; from < cuts.length; from += CHUNKS_A_STEP) {
      const step = cuts.slice(from, from + CHUNKS_A_STEP);
      const isLast = from + step.length === cuts.length;
      const contents = step.map(({ start, end }) => parsed.text.slice(start, end));
      const texts = step.map((cut, at) => embeddedText({ ...cut, content: contents[at] ?? '' }, title));
      const terms = await this.terms(hold, texts, version.collection.language as Language);
      const chunks = step.map((cut, at): NewChunk => ({
        ...{ id: v7(), collectionId: version.collection.id, documentId: version.document.id, number: version.number },
        ...{ position: cut.position, content: contents[at] ?? '', page: cut.page, headingPath: cut.headingPath },
        ...{ startAt: cut.start, endAt: cut.end },
        termCount: (terms[at] ?? NO_TERMS).length,
        hash: createHash('sha256')
          .update(texts[at] ?? '')
          .digest(),
      }));
      const indexed = step.map(({ position }, at): IndexedChunk => ({ position, ...(terms[at] ?? NO_TERMS) }));
      const progress = PROGRESS_OPENED + (PROGRESS_READ - PROGRESS_OPENED) * ((from + step.length) / cuts.length);
      await this.store(hold, version, { chunks, indexed, progress });
      if (isLast) await this.end(hold, version, title, source);
    }
  }

  private async begin(hold: IngestionHold): Promise<Version> {
    return this.steps.store(
      hold,
      async ({ document, collection }) => {
        const number = await this.collections.nextNumber(collection.id);
        if (number === null) throw new Error('A collection that is locked is not deleted');
        await Promise.all([
          this.garbage.addVersions(collection.id, [document.nextNumber]),
          this.documents.setNextNumber(document.id, number),
          this.documents.showState(document.id, 'parsing', PROGRESS_OPENED, null),
        ]);
        return { document, collection, number };
      },
      { locked: true },
    );
  }

  private async store(
    hold: IngestionHold,
    { document, collection, number }: Version,
    { chunks, indexed, progress }: { chunks: NewChunk[]; indexed: IndexedChunk[]; progress: number },
  ): Promise<void> {
    await this.steps.store(hold, async () => {
      await Promise.all([
        this.chunks.add(chunks),
        this.index.addPostings(collection.id, number, indexed),
        this.documents.showState(document.id, 'parsing', progress, null),
      ]);
    });
  }

  private async end(hold: IngestionHold, { document }: Version, title: string, source: SourceBytes): Promise<void> {
    const { type, sizeBytes } = source;
    const { mimeType } = type;
    await this.steps.store(hold, async () => {
      await Promise.all([
        this.documents.setFacts(document.id, { title, mimeType, sizeBytes }),
        this.documents.showState(document.id, 'embedding', PROGRESS_READ, null),
        this.ingestions.moveToEmbedding(hold.ingestion.id),
        this.ingestions.advance(hold.ingestion.id),
      ]);
    });
  }

  private terms(hold: IngestionHold, texts: string[], language: Language) {
    return this.work.run<typeof readTerms>(TERMS, { texts, language }, this.options(hold));
  }

  private options({ signal }: IngestionHold) {
    return { limitMs: LIMIT_MS, line: 'documents', patient: true, signal } as const;
  }
}

const NO_TERMS = { terms: new Map<string, number>(), length: 0 };

/** A page that was given by its address alone is called what it calls itself. */
function titleOf({ title, source, origin }: KnownDocument, parsed: ParsedDocument): string {
  if (source !== 'url' || title !== origin) return title;
  return parsed.title?.trim().slice(0, LONGEST_TITLE).toWellFormed() || title;
}
