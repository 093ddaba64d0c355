import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { MatchingDocuments } from '../src/modules/rag/index/matching-documents.js';
import { VectorSearchRepository } from '../src/modules/rag/index/vector-search.repository.js';
import { DatabaseServer } from '../src/platform/database/database-server.js';
import { IndexBench, seeded, type MadeChunk } from './rag-index-fixtures.js';

const DIMENSIONS = 8;

let bench: IndexBench;
beforeAll(async () => {
  bench = await IndexBench.open();
}, 60_000);
afterAll(() => bench.close());

const random = seeded(5);
const direction = () => Array.from({ length: DIMENSIONS }, () => random() - 0.5);
const chunk = (text: string): MadeChunk => ({ text, vector: direction() });

describe('In one collection at the same time', () => {
  it('documents are taken in, replaced, merged and searched without deadlock, and none is lost', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const made = await Promise.all(
      Array.from({ length: 60 }, (_, n) => collection.document([chunk(`common own${n}`), chunk(`common other${n}`)])),
    );
    const done = new AbortController();
    const tidying = (async () => {
      while (!done.signal.aborted) await bench.upkeep.tidy();
    })();
    const dropping = made.slice(0, 20).map(async ({ id, number }, n) => {
      await collection.version(id, [chunk(`common again${n}`)]);
      await collection.run(() =>
        bench.db.run(() => bench.index.dropVersion(collection.space.collectionId, number, 100)),
      );
    });
    const adding = Array.from({ length: 40 }, (_, n) => collection.document([chunk(`common more${n}`)]));
    const searching = Array.from({ length: 20 }, () => collection.search({ words: 'common', vector: direction() }));
    await Promise.all([...dropping, ...adding, ...searching]);
    done.abort();
    await tidying;
    const { keyword, vector } = await collection.search({ words: 'common', vector: direction(), depth: 500 });
    expect([keyword.length, vector.length]).toEqual([140, 140]);
    for (const words of ['again3', 'more39', 'own20', 'other59'])
      expect((await collection.search({ words })).keyword).toHaveLength(1);
    expect((await collection.search({ words: 'own3' })).keyword).toEqual([]);
  }, 60_000);

  it('a document whose versions take each other’s place is always found, whole and once', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const version = () => Array.from({ length: 5 }, (_, n) => chunk(`turning part${n}`));
    const { id } = await collection.document(version());
    const done = new AbortController();
    const turning = (async () => {
      for (let n = 0; n < 25; n++) {
        await collection.version(id, version());
        if (n % 5 === 0) await bench.upkeep.tidy();
      }
      done.abort();
    })();
    let searches = 0;
    while (!done.signal.aborted) {
      const { keyword, vector } = await collection.search({ words: 'turning', vector: direction(), depth: 20 });
      const numbers = new Set([...keyword, ...vector].map(({ number }) => number));
      expect([keyword.length, vector.length, numbers.size]).toEqual([5, 5, 1]);
      searches++;
    }
    await turning;
    expect(searches).toBeGreaterThan(3);
  }, 60_000);

  it('a dimension that is new is prepared by many', async () => {
    const collections = await Promise.all(Array.from({ length: 6 }, () => bench.collection(21)));
    expect(collections).toHaveLength(6);
  });
});

describe('Of two tenants with the same texts and vectors', () => {
  const TABLES = [
    'rag_vectors_8',
    'rag_fresh_postings',
    'rag_segments',
    'rag_postings',
    'rag_dropped_versions',
    'rag_vector_spaces',
  ];

  async function two() {
    const same = [chunk('shared alpha'), chunk('shared beta')];
    const [ours, theirs] = [await bench.collection(DIMENSIONS), await bench.collection(DIMENSIONS)];
    for (const collection of [ours, theirs]) await collection.document(same);
    return { ours, theirs, vector: same[0]?.vector ?? [] };
  }

  it('each finds its own, in every mode, even when it names the other’s collection', async () => {
    const { ours, theirs, vector } = await two();
    for (const merged of [false, true]) {
      if (merged) await bench.upkeep.tidy();
      const own = await ours.search({ words: 'shared', vector });
      expect([own.keyword.length, own.vector.length]).toEqual([2, 2]);
      const terms = new Map([['shared', 1]]);
      const foreign = { space: theirs.space, vector: Float32Array.from(vector), terms, byWords: true };
      for (const filter of [null, { sql: 'true', parameters: {} }]) {
        const search = () => bench.index.search({ collections: [foreign], filter, depth: 10 });
        expect(await ours.run(search)).toMatchObject([{ keyword: [], vector: [] }]);
      }
    }
  });

  it('the policy alone holds back the other’s rows, in every table', async () => {
    const { ours, theirs } = await two();
    await bench.upkeep.tidy();
    for (const table of TABLES) {
      const rows = await ours.sql<{ tenantId: string }>(
        `SELECT DISTINCT tenant_id AS "tenantId" FROM ${table} WHERE :tenantId::uuid IS NOT NULL`,
      );
      expect(rows.filter(({ tenantId }) => tenantId !== ours.tenantId)).toEqual([]);
    }
    expect(theirs.tenantId).not.toBe(ours.tenantId);
  });

  it('the condition alone does, with the policies off', async () => {
    const { ours, theirs, vector } = await two();
    await bench.upkeep.tidy();
    await asOwner(async (client) => {
      await client.query(`SET ROLE atrium_owner`);
      for (const table of [...TABLES, 'rag_documents', 'rag_collections', 'rag_chunks', 'rag_garbage'])
        await client.query(`ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`);
    });
    const everybody = await ours.sql<{ count: number }>(
      'SELECT count(DISTINCT tenant_id)::int AS count FROM rag_vectors_8 WHERE :tenantId::uuid IS NOT NULL',
    );
    expect(everybody[0]?.count).toBeGreaterThan(1);
    const foreign = {
      space: theirs.space,
      vector: Float32Array.from(vector),
      terms: new Map([['shared', 1]]),
      byWords: true,
    };
    for (const filter of [null, { sql: 'true', parameters: {} }]) {
      const search = () => bench.index.search({ collections: [foreign], filter, depth: 10 });
      expect(await ours.run(search)).toMatchObject([{ keyword: [], vector: [] }]);
    }
    const matching = MatchingDocuments.many({ sql: 'true', parameters: {} });
    const met = { ...foreign, most: 10, matching };
    expect(await ours.run(() => bench.context.get(VectorSearchRepository).nearest(met))).toEqual([]);
    expect((await ours.search({ words: 'shared', vector })).keyword).toHaveLength(2);
  });

  async function asOwner(use: (client: pg.Client) => Promise<void>): Promise<void> {
    const { MIGRATION_DATABASE_URL: connectionString } = bench.store.environment;
    const client = new pg.Client(
      connectionString ? { connectionString } : bench.context.get(DatabaseServer, { strict: false }).connection,
    );
    await client.connect();
    try {
      await use(client);
    } finally {
      await client.query('RESET ROLE');
      await client.end();
    }
  }
});
