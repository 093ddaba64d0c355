import { createHash } from 'node:crypto';
import { type INestApplicationContext, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { v7 } from 'uuid';
import { KnowledgeIndexModule } from '../src/modules/rag/index/knowledge-index.module.js';
import {
  KnowledgeIndex,
  type DocumentFilter,
  type IndexedChunk,
  type IndexedSpace,
  type IndexFindings,
} from '../src/modules/rag/index/knowledge-index.service.js';
import { IndexUpkeep } from '../src/modules/rag/index/index-upkeep.sweeper.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { ConfigModule } from '../src/platform/config/config.module.js';
import { loadSettings } from '../src/platform/config/load-settings.js';
import { DatabaseModule } from '../src/platform/database/database.module.js';
import { Db } from '../src/platform/database/db.js';
import { givenTenant } from './platform-fixtures.js';
import { createTestStore, type TestStore } from './test-store.js';

@Module({})
class TestIndex {}

/** A chunk of a document that a test makes up. */
export interface MadeChunk {
  text: string;
  vector: number[] | Float32Array;
}

export interface Asked {
  vector?: number[] | Float32Array;
  words?: string;
  filter?: DocumentFilter;
  depth?: number;
  /** False: they are counted only. */
  byWords?: boolean;
}

/** The index of knowledge on a store of its own, without the application. */
export class IndexBench {
  readonly index: KnowledgeIndex;
  readonly upkeep: IndexUpkeep;
  readonly db: Db;

  private constructor(
    readonly store: TestStore,
    readonly context: INestApplicationContext,
  ) {
    this.index = context.get(KnowledgeIndex);
    this.upkeep = context.get(IndexUpkeep);
    this.db = context.get(Db);
  }

  static async open(): Promise<IndexBench> {
    const store = await createTestStore();
    // As a process that serves only: merges and moves are made where a test says so.
    const settings = { ...loadSettings(store.environment), role: 'api' as const };
    const context = await NestFactory.createApplicationContext(
      { module: TestIndex, imports: [ConfigModule.forRoot(settings), DatabaseModule, KnowledgeIndexModule] },
      { logger: false, abortOnError: false },
    );
    return new IndexBench(store, context);
  }

  async close(): Promise<void> {
    await this.context.close();
    await this.store.drop();
  }

  async collection(dimensions: number, tenantId?: string): Promise<TestCollection> {
    const tenant = tenantId ?? (await givenTenant(this.db));
    const space = { collectionId: v7(), spaceId: v7(), dimensions };
    const collection = new TestCollection(this, tenant, space);
    await collection.run(async () => {
      await this.index.prepare(dimensions);
      await this.db.sql(
        `INSERT INTO rag_collections (tenant_id, id, name, language, chunking, embedding_model, dimensions, space_id)
         VALUES (:tenantId, :collectionId, 'C', 'simple', '{}', 'test', :dimensions, :spaceId)`,
        { ...space },
      );
    });
    return collection;
  }
}

export class TestCollection {
  constructor(
    private readonly bench: IndexBench,
    readonly tenantId: string,
    readonly space: IndexedSpace,
  ) {}

  run<T>(fn: () => Promise<T>): Promise<T> {
    return runAs(Actor.job(this.tenantId), fn);
  }

  /** A document whose version is live; its number. */
  async document(chunks: readonly MadeChunk[], metadata: object = {}): Promise<{ id: string; number: number }> {
    const id = v7();
    await this.run(() =>
      this.bench.db.sql(
        `INSERT INTO rag_documents (tenant_id, id, collection_id, title, source, source_hash, metadata)
         VALUES (:tenantId, :id, :collectionId, 'D', 'text', :hash, :metadata)`,
        { id, collectionId: this.space.collectionId, hash: sha(id), metadata: JSON.stringify(metadata) },
      ),
    );
    return { id, number: await this.version(id, chunks) };
  }

  /** Writes a version of a document beside the one that is live, and makes it live. */
  async version(documentId: string, chunks: readonly MadeChunk[]): Promise<number> {
    const { index, db } = this.bench;
    const { collectionId } = this.space;
    const indexed = chunks.map(({ text }, position) => indexedChunk(text, position));
    const total = indexed.reduce((sum, { length }) => sum + length, 0);
    return this.run(async () => {
      const [row] = await db.sql<{ number: number }>(
        `UPDATE rag_collections SET last_number = last_number + 1
         WHERE tenant_id = :tenantId AND id = :collectionId RETURNING last_number AS number`,
        { collectionId },
      );
      const number = row?.number ?? 0;
      await db.run(async () => {
        await this.addChunks(documentId, number, chunks);
        await index.addPostings(collectionId, number, indexed);
        await index.addVectors(this.space, number, vectorsOf(chunks));
      });
      await db.run(async () => {
        await db.sql(
          'SELECT 1 FROM rag_collections WHERE tenant_id = :tenantId AND id = :collectionId FOR NO KEY UPDATE',
          {
            collectionId,
          },
        );
        const [old] = await db.sql<{ number: number | null; chunkCount: number; termTotal: string }>(
          `SELECT number, chunk_count AS "chunkCount", term_total AS "termTotal" FROM rag_documents
           WHERE tenant_id = :tenantId AND id = :documentId`,
          { documentId },
        );
        await Promise.all([
          db.sql(
            `UPDATE rag_documents SET number = :number, chunk_count = :count, term_total = :total, status = 'ready'
             WHERE tenant_id = :tenantId AND id = :documentId`,
            { documentId, number, count: chunks.length, total },
          ),
          db.sql(
            `UPDATE rag_collections SET chunk_count = chunk_count + :count, term_total = term_total + :total
             WHERE tenant_id = :tenantId AND id = :collectionId`,
            {
              collectionId,
              count: chunks.length - (old?.chunkCount ?? 0),
              total: total - Number(old?.termTotal ?? 0),
            },
          ),
          this.garbage(old?.number ?? null),
        ]);
      });
      return number;
    });
  }

  async remove(documentId: string): Promise<void> {
    const { db } = this.bench;
    await this.run(() =>
      db.run(async () => {
        const [old] = await db.sql<{ number: number; chunkCount: number; termTotal: string }>(
          `DELETE FROM rag_documents WHERE tenant_id = :tenantId AND id = :documentId
           RETURNING number, chunk_count AS "chunkCount", term_total AS "termTotal"`,
          { documentId },
        );
        await db.sql(
          `UPDATE rag_collections SET chunk_count = chunk_count - :count, term_total = term_total - :total
           WHERE tenant_id = :tenantId AND id = :collectionId`,
          {
            collectionId: this.space.collectionId,
            count: old?.chunkCount ?? 0,
            total: Number(old?.termTotal ?? 0),
          },
        );
        await this.garbage(old?.number ?? null);
      }),
    );
  }

  search({ vector, words, byWords = true, filter, depth = 10 }: Asked): Promise<IndexFindings> {
    const terms = words === undefined ? null : indexedChunk(words, 0).terms;
    const searched = { space: this.space, vector: vector ? Float32Array.from(vector) : null, terms, byWords };
    return this.run(async () => {
      const [found] = await this.bench.index.search({ collections: [searched], filter: filter ?? null, depth });
      if (!found) throw new Error('A collection that was searched has no findings');
      return found;
    });
  }

  sql<Row>(text: string, parameters: Record<string, unknown> = {}): Promise<Row[]> {
    return this.run(() => this.bench.db.sql<Row>(text, { ...this.space, ...parameters }));
  }

  private async garbage(number: number | null): Promise<void> {
    if (number === null) return;
    await this.bench.db.sql(
      'INSERT INTO rag_garbage (tenant_id, id, collection_id, number) VALUES (:tenantId, :id, :collectionId, :number)',
      { id: v7(), collectionId: this.space.collectionId, number },
    );
  }

  private async addChunks(documentId: string, number: number, chunks: readonly MadeChunk[]): Promise<void> {
    await this.bench.db.sql(
      `INSERT INTO rag_chunks (tenant_id, collection_id, number, position, id, document_id, content, heading_path,
         start_at, end_at, term_count, hash)
       SELECT :tenantId, :collectionId, :number, n - 1, gen_random_uuid(), :documentId, content, '{}', 0, 0, 0,
         sha256(convert_to(content, 'UTF8'))
       FROM unnest(:contents::text[]) WITH ORDINALITY AS c (content, n)`,
      { collectionId: this.space.collectionId, number, documentId, contents: chunks.map(({ text }) => text) },
    );
  }
}

function vectorsOf(chunks: readonly MadeChunk[]) {
  return chunks.map(({ vector }, position) => ({ position, vector: Float32Array.from(vector) }));
}

function indexedChunk(text: string, position: number): IndexedChunk {
  const words = text.split(' ').filter((word) => word !== '');
  const terms = new Map<string, number>();
  for (const word of words) terms.set(word, (terms.get(word) ?? 0) + 1);
  return { position, terms, length: words.length };
}

/** Numbers between 0 and 1 that are the same every time. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function sha(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
