import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { BoundedWork } from '../../../platform/compute/bounded-work.js';
import { DocumentParser, DocumentUnreadable } from '../../../platform/documents/document-parser.js';
import type { ParsedDocument } from '../../../platform/documents/parsing/parsed-document.js';
import type { Analysis } from '../analysis/analyze.js';
import type { Language } from '../analysis/languages.js';
import type { Chunk as Cut } from '../chunking/chunk.js';
import { embeddedText } from '../chunking/embedded-text.js';
import { OFFLINE, OFFLINE_DIMENSIONS } from '../embeddings/offline-embedding.js';
import { spacesOf, type Collection } from '../collections/collection.js';
import { CollectionsRepository } from '../collections/collections.repository.js';
import type { NewChunk } from '../documents/chunk.js';
import { ChunksRepository } from '../documents/chunks.repository.js';
import type { KnownDocument } from '../documents/document.js';
import { DocumentsRepository } from '../documents/documents.repository.js';
import { KnowledgeIndex, type IndexedChunk } from '../index/knowledge-index.service.js';
import { DocumentSource } from './document-source.js';
import { GarbageRepository } from './garbage.repository.js';
import { HeldSteps } from './held-steps.js';
import { IngestionEnding } from './ingestion-ending.js';
import type { IngestionHold } from './ingestion-hold.js';
import { IngestionsRepository } from './ingestions.repository.js';
import type prepareDocument from './prepare-document.worker.js';
import type { Preparation } from './prepare-document.worker.js';
import type readTerms from './read-terms.worker.js';

const PREPARE = new URL('./prepare-document.worker.js', import.meta.url);
const TERMS = new URL('./read-terms.worker.js', import.meta.url);
const LIMIT_MS = 60_000;
/** Stored in one transaction. */
const CHUNKS_A_STEP = 200;
/** How far a document has come when it is opened, and when its chunks are all there. */
const PROGRESS_OPENED = 0.05;
const PROGRESS_READ = 0.3;
const LONGEST_TITLE = 500;

interface Prepared {
  parsed: ParsedDocument;
  facts: Pick<KnownDocument, 'title' | 'mimeType' | 'sizeBytes'>;
  prepared: Preparation;
}

/** Looking for vectors that are there already, all at once, takes some 10 µs for each. */
const MOST_CHUNKS = 100_000;

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
    private readonly ending: IngestionEnding,
  ) {}

  /**
   * Whatever an earlier try has left is given up: from the same bytes comes the same again. True: the document was so
   * small, and its vectors so cheap, that it can be found already.
   * @throws DocumentUnreadable, WorkExceeded, IngestionStopped, what the source throws
   */
  async read(hold: IngestionHold): Promise<boolean> {
    const version = await this.begin(hold);
    const source = await this.source.open(version.document, hold.signal);
    const parsed = await this.parser.parse(() => source.bytes(), source.type, hold.signal);
    const title = titleOf(version.document, parsed);
    const prepared = await this.prepare(hold, version, parsed, title);
    if (prepared.chunks.length === 0) throw new DocumentUnreadable('no_text');
    if (prepared.chunks.length > MOST_CHUNKS) throw new DocumentUnreadable('too_large');
    const { mimeType } = source.type;
    const facts = { title, mimeType, sizeBytes: source.sizeBytes };
    if (prepared.words) return this.storeAll(hold, version, { parsed, facts, prepared, words: prepared.words });
    await this.storeInSteps(hold, version, { parsed, facts, prepared });
    return false;
  }

  private prepare(hold: IngestionHold, { collection }: Version, document: ParsedDocument, title: string) {
    const input = {
      ...{ document, title, chunking: collection.chunking, language: collection.language as Language },
      ...{ atOnce: CHUNKS_A_STEP, embedOffline: spacesOf(collection).some(({ model }) => model === OFFLINE) },
    };
    return this.work.run<typeof prepareDocument>(PREPARE, input, this.options(hold));
  }

  /** A small document in one transaction. */
  private async storeAll(
    hold: IngestionHold,
    { document, number }: Version,
    { parsed, facts, prepared, words }: Prepared & { words: Analysis[] },
  ): Promise<boolean> {
    const { collectionId, documentId, id } = hold.ingestion;
    const { chunks, indexed } = piecesOf(prepared.chunks, words, { parsed, title: facts.title, document, number });
    const vectors = prepared.vectors?.map((vector, position) => ({ position, vector })) ?? [];
    if (prepared.vectors) await this.index.prepare(OFFLINE_DIMENSIONS);
    return this.steps.store(
      hold,
      async (step) => {
        await Promise.all([
          this.chunks.add(chunks),
          this.index.addPostings(collectionId, number, indexed),
          this.documents.setFacts(documentId, facts),
          this.documents.showState(documentId, 'embedding', PROGRESS_READ, null),
          this.ingestions.moveToEmbedding(id),
          this.ingestions.advance(id),
        ]);
        for (const space of spacesOf(step.collection))
          if (space.model === OFFLINE && prepared.vectors)
            await this.index.addVectors({ collectionId, ...space }, number, vectors);
        return this.ending.completeIn(hold, step);
      },
      { locked: true },
    );
  }

  /** A long one, some chunks at a time. */
  private async storeInSteps(
    hold: IngestionHold,
    version: Version,
    { parsed, facts, prepared }: Prepared,
  ): Promise<void> {
    const { document, collection, number } = version;
    const all = prepared.chunks;
    for (let from = 0; from < all.length; from += CHUNKS_A_STEP) {
      const cuts = all.slice(from, from + CHUNKS_A_STEP);
      const texts = cuts.map((cut) => textOf(cut, parsed, facts.title));
      const words = await this.words(hold, texts, collection.language as Language);
      const { chunks, indexed } = piecesOf(cuts, words, { parsed, title: facts.title, document, number });
      const progress = PROGRESS_OPENED + (PROGRESS_READ - PROGRESS_OPENED) * ((from + cuts.length) / all.length);
      await this.steps.store(hold, async () => {
        await Promise.all([
          this.chunks.add(chunks),
          this.index.addPostings(collection.id, number, indexed),
          this.documents.showState(document.id, 'parsing', progress, null),
        ]);
      });
    }
    await this.steps.store(hold, async () => {
      await Promise.all([
        this.documents.setFacts(document.id, facts),
        this.documents.showState(document.id, 'embedding', PROGRESS_READ, null),
        this.ingestions.moveToEmbedding(hold.ingestion.id),
        this.ingestions.advance(hold.ingestion.id),
      ]);
    });
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

  private words(hold: IngestionHold, texts: string[], language: Language) {
    return this.work.run<typeof readTerms>(TERMS, { texts, language }, this.options(hold));
  }

  private options({ signal }: IngestionHold) {
    return { limitMs: LIMIT_MS, line: 'documents', patient: true, signal } as const;
  }
}

function textOf({ start, end, headingPath }: Cut, { text }: ParsedDocument, title: string): string {
  return embeddedText({ content: text.slice(start, end), headingPath }, title);
}

/** Chunks as they are stored, and as they are found by their words. */
function piecesOf(
  cuts: readonly Cut[],
  words: readonly Analysis[],
  { parsed, title, document, number }: { parsed: ParsedDocument; title: string } & Omit<Version, 'collection'>,
): { chunks: NewChunk[]; indexed: IndexedChunk[] } {
  const { id: documentId, collectionId } = document;
  const chunks = cuts.map((cut, at): NewChunk => ({
    ...{ id: v7(), collectionId, documentId, number, position: cut.position, page: cut.page },
    content: parsed.text.slice(cut.start, cut.end),
    ...{ headingPath: cut.headingPath, startAt: cut.start, endAt: cut.end, termCount: words[at]?.length ?? 0 },
    hash: createHash('sha256')
      .update(textOf(cut, parsed, title))
      .digest(),
  }));
  const indexed = cuts.map(({ position }, at) => ({ position, ...(words[at] ?? NO_WORDS) }));
  return { chunks, indexed };
}

const NO_WORDS: Analysis = { terms: new Map(), length: 0 };

/** A page that was given by its address alone is called what it calls itself. */
function titleOf({ title, source, origin }: KnownDocument, parsed: ParsedDocument): string {
  if (source !== 'url' || title !== origin) return title;
  return parsed.title?.trim().slice(0, LONGEST_TITLE).toWellFormed() || title;
}
