import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';
import { Db } from '../src/platform/database/db.js';
import type { TestApp } from './app.js';
import type { FakeEmbeddings } from './upstream/fake-embeddings.js';

/** Of few dimensions, so that thousands are little; each has a circuit breaker of its own. */
export const MODELS = ['one', 'two', 'three', 'four', 'five', 'six'].map((name) => `voyage:voyage-3-${name}`);

/** What an application needs to use them. */
export function embeddingEnvironment(upstream: FakeEmbeddings): Record<string, string> {
  const file = join(mkdtempSync(join(tmpdir(), 'atrium-test-models-')), 'models.json');
  const models = MODELS.map((model) => ({
    ...{ name: model.slice('voyage:'.length), provider: 'voyage', dimensions: 256, maxInputTokens: 1_000 },
    ...{ setsDimensions: true, encoding: 'base64', inputMicros: 20_000 },
  }));
  writeFileSync(file, JSON.stringify({ models }));
  return {
    EMBEDDING_MODELS_FILE: file,
    VOYAGE_API_KEY: 'sk-test-embedding-key',
    VOYAGE_BASE_URL: upstream.url('voyage'),
    EGRESS_ALLOW: '127.0.0.0/8',
  };
}

/** Chunks of 50 tokens, each a fact that `facts` has made. */
export const FACT_CHUNKS = { strategy: 'fixed', size: 50, overlap: 0 };
const FACT_BYTES = 150;

/** `fact7 of moons …`: as long as a chunk each. */
export function facts(topic: string, numbers: Iterable<number>): string {
  return [...numbers].map((n) => `fact${n} of ${topic} says ${topic}${n} `.padEnd(FACT_BYTES, 'and so on ')).join('\n');
}

export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n);
}

/** Statements in a tenant, as the application's role. */
export function rowsOf<Row>(app: TestApp, tenantId: string, sql: string, parameters: object = {}): Promise<Row[]> {
  const db = app.nest.get(Db);
  return runAs(Actor.job(tenantId), () => db.run(() => db.sql<Row>(sql, { ...parameters })));
}

/** How many rows there are of collections, by table; of all that the tenant has, or of one. */
export async function knowledgeRows(
  app: TestApp,
  tenantId: string,
  collectionId: string | null = null,
): Promise<Record<string, number>> {
  const tables = await rowsOf<{ name: string }>(
    app,
    tenantId,
    `SELECT attrelid::regclass::text AS name FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE attname = 'collection_id' AND relkind = 'r' AND relname LIKE 'rag_%' AND :tenantId <> '' ORDER BY 1`,
  );
  const counts: Record<string, number> = {};
  for (const { name } of tables) {
    const [row] = await rowsOf<{ count: number }>(
      app,
      tenantId,
      `SELECT count(*)::int AS count FROM ${name}
       WHERE tenant_id = :tenantId AND collection_id = coalesce(:collectionId::uuid, collection_id)`,
      { collectionId },
    );
    if (row && row.count > 0) counts[name] = row.count;
  }
  return counts;
}
