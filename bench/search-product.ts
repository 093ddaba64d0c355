import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import type { INestApplicationContext } from '@nestjs/common';
import type * as indexUpkeep from '../src/modules/rag/index/index-upkeep.sweeper.js';
import type * as knowledgeIndexModule from '../src/modules/rag/index/knowledge-index.module.js';
import type * as knowledgeIndex from '../src/modules/rag/index/knowledge-index.service.js';
import type * as actor from '../src/platform/access/actor.js';
import type * as scope from '../src/platform/access/scope.js';
import type * as configModule from '../src/platform/config/config.module.js';
import type * as loading from '../src/platform/config/load-settings.js';
import type * as databaseModule from '../src/platform/database/database.module.js';
import type * as db from '../src/platform/database/db.js';
import { DIMENSIONS, type MadeChunk } from './search-corpus.ts';

/** Documents that are taken in at the same time. */
const AT_ONCE = 4;

type Db = db.Db;
type KnowledgeIndex = knowledgeIndex.KnowledgeIndex;
type IndexUpkeep = indexUpkeep.IndexUpkeep;

export interface Question {
  vector: Float32Array;
  terms: Map<string, number>;
}

export interface BenchTenant {
  tenantId: string;
  collectionId: string;
  spaceId: string;
}

interface Scopes {
  runIn: <T>(tenantId: string, fn: () => Promise<T>) => Promise<T>;
  runOutside: <T>(fn: () => Promise<T>) => Promise<T>;
}

/** Of the built product; the benchmark itself is run as it is written. */
async function built<T>(path: string): Promise<T> {
  return (await import(new URL(`../dist/${path}`, import.meta.url).href)) as T;
}

/** What the product does with documents once their texts are cut, analysed and embedded. Without HTTP. */
export class Product {
  private readonly context: INestApplicationContext;
  private readonly index: KnowledgeIndex;
  private readonly upkeep: IndexUpkeep;
  private readonly db: Db;
  private readonly runIn: Scopes['runIn'];
  private readonly runOutside: Scopes['runOutside'];

  private constructor(
    context: INestApplicationContext,
    parts: { index: KnowledgeIndex; upkeep: IndexUpkeep; db: Db },
    scopes: Scopes,
  ) {
    this.context = context;
    this.index = parts.index;
    this.upkeep = parts.upkeep;
    this.db = parts.db;
    this.runIn = scopes.runIn;
    this.runOutside = scopes.runOutside;
  }

  static async open(environment: Record<string, string>): Promise<Product> {
    const [{ KnowledgeIndexModule }, { KnowledgeIndex }, { IndexUpkeep }] = await Promise.all([
      built<typeof knowledgeIndexModule>('modules/rag/index/knowledge-index.module.js'),
      built<typeof knowledgeIndex>('modules/rag/index/knowledge-index.service.js'),
      built<typeof indexUpkeep>('modules/rag/index/index-upkeep.sweeper.js'),
    ]);
    const [{ ConfigModule }, { loadSettings }, { DatabaseModule }, { Db }, { Actor }, { runAs }] = await Promise.all([
      built<typeof configModule>('platform/config/config.module.js'),
      built<typeof loading>('platform/config/load-settings.js'),
      built<typeof databaseModule>('platform/database/database.module.js'),
      built<typeof db>('platform/database/db.js'),
      built<typeof actor>('platform/access/actor.js'),
      built<typeof scope>('platform/access/scope.js'),
    ]);
    const settings = loadSettings({ LOG_LEVEL: 'warn', ...environment });
    const context = await NestFactory.createApplicationContext(
      { module: KnowledgeIndexModule, imports: [ConfigModule.forRoot(settings), DatabaseModule] },
      { logger: ['error', 'warn'] },
    );
    const parts = { index: context.get(KnowledgeIndex), upkeep: context.get(IndexUpkeep), db: context.get(Db) };
    return new Product(context, parts, {
      runIn: (tenantId, fn) => runAs(Actor.job(tenantId), fn),
      runOutside: (fn) => runAs(Actor.system('benchmark'), fn),
    });
  }

  close(): Promise<void> {
    return this.context.close();
  }

  /** A new tenant's. */
  async collection(): Promise<BenchTenant> {
    const [tenantId, collectionId, spaceId] = [randomUUID(), randomUUID(), randomUUID()];
    await this.runOutside(async () => {
      await this.db.systemSql('INSERT INTO tenant_slugs (slug) VALUES (:tenantId)', { tenantId });
      await this.db.systemSql(`INSERT INTO tenants (id, slug, name) VALUES (:tenantId, :slug, 'Bench')`, {
        slug: tenantId,
        tenantId,
      });
    });
    await this.runIn(tenantId, async () => {
      await this.index.prepare(DIMENSIONS);
      await this.db.sql(
        `INSERT INTO rag_collections (tenant_id, id, name, language, chunking, embedding_model, dimensions, space_id)
         VALUES (:tenantId, :collectionId, 'Bench', 'en', '{}', 'bench', :dimensions, :spaceId)`,
        { collectionId, spaceId, dimensions: DIMENSIONS },
      );
    });
    return { tenantId, collectionId, spaceId };
  }

  async takeIn(tenant: BenchTenant, documents: readonly (readonly MadeChunk[])[]): Promise<void> {
    const waiting = [...documents];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await this.takeInOne(tenant, next);
    };
    await this.runIn(tenant.tenantId, () => Promise.all(Array.from({ length: AT_ONCE }, work)));
  }

  /** Merges and moves until there is nothing more to do, here and in the passes of its own. */
  async settle(): Promise<void> {
    await this.upkeep.tidy();
    while (await this.isIndexing()) await pause(200);
    await this.upkeep.tidy();
  }

  private async isIndexing(): Promise<boolean> {
    const making = await this.runOutside(() =>
      this.db.systemSql(
        `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND classid = 7313
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      ),
    );
    return making.length > 0;
  }

  search(
    tenant: BenchTenant,
    { vector, terms }: Partial<Question>,
    depth: number,
    part?: number,
  ): Promise<knowledgeIndex.IndexFindings> {
    const { tenantId, ...where } = tenant;
    const searched = {
      space: { ...where, dimensions: DIMENSIONS },
      vector: vector ?? null,
      terms: terms ?? null,
      byWords: terms !== undefined,
    };
    const filter = part === undefined ? null : { sql: `(d.metadata ->> 'part')::int < :part`, parameters: { part } };
    return this.runIn(tenantId, async () => {
      const [found] = await this.index.search({ collections: [searched], filter, depth });
      if (!found) throw new Error('A collection that was searched has no findings');
      return found;
    });
  }

  /** The three transactions of a document that becomes live. */
  private async takeInOne(tenant: BenchTenant, chunks: readonly MadeChunk[]): Promise<void> {
    const { collectionId, spaceId } = tenant;
    const space = { collectionId, spaceId, dimensions: DIMENSIONS };
    const documentId = randomUUID();
    const [row] = await this.db.sql<{ number: number }>(
      `UPDATE rag_collections SET last_number = last_number + 1
       WHERE tenant_id = :tenantId AND id = :collectionId RETURNING last_number AS number`,
      { collectionId },
    );
    const number = row?.number ?? 0;
    await this.db.run(async () => {
      await Promise.all([
        this.db.sql(
          `INSERT INTO rag_documents (tenant_id, id, collection_id, title, source, source_hash, metadata, next_number)
           VALUES (:tenantId, :documentId, :collectionId, 'D', 'text', :hash, :metadata, :number)`,
          {
            ...{ documentId, collectionId, number, hash: Buffer.from(documentId) },
            metadata: JSON.stringify({ part: number % 100 }),
          },
        ),
        this.db.sql(
          `INSERT INTO rag_chunks (tenant_id, collection_id, number, position, id, document_id, content, heading_path,
             start_at, end_at, term_count, hash)
           SELECT :tenantId, :collectionId, :number, n - 1, id, :documentId, content, '{}', 0, 0, 0, decode(hash, 'hex')
           FROM unnest(:ids::uuid[], :contents::text[], :hashes::text[]) WITH ORDINALITY AS c (id, content, hash, n)`,
          {
            ...{ collectionId, number, documentId },
            ids: chunks.map(() => randomUUID()),
            contents: chunks.map(({ content }) => content),
            hashes: chunks.map(({ hash }) => hash.toString('hex')),
          },
        ),
        this.index.addPostings(
          collectionId,
          number,
          chunks.map(({ terms, length }, position) => ({ position, terms, length })),
        ),
      ]);
    });
    await this.db.run(async () => {
      await this.index.reuseVectors(space, number);
      await this.index.addVectors(
        space,
        number,
        chunks.map(({ vector }, position) => ({ position, vector })),
      );
    });
    const termTotal = chunks.reduce((sum, { length }) => sum + length, 0);
    await this.db.run(() =>
      Promise.all([
        this.db.sql(
          `UPDATE rag_collections SET chunk_count = chunk_count + :count, term_total = term_total + :termTotal
           WHERE tenant_id = :tenantId AND id = :collectionId`,
          { collectionId, count: chunks.length, termTotal },
        ),
        this.db.sql(
          `UPDATE rag_documents SET number = :number, next_number = NULL, chunk_count = :count, status = 'ready'
           WHERE tenant_id = :tenantId AND id = :documentId`,
          { documentId, number, count: chunks.length },
        ),
      ]),
    );
  }
}
