import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { MatchingDocuments } from '../src/modules/rag/index/matching-documents.js';
import { VectorMovesRepository } from '../src/modules/rag/index/vector-moves.repository.js';
import { VectorMoves } from '../src/modules/rag/index/vector-moves.js';
import { VectorSearchRepository } from '../src/modules/rag/index/vector-search.repository.js';
import { VectorsRepository } from '../src/modules/rag/index/vectors.repository.js';
import { IndexBench, seeded, type MadeChunk, type TestCollection } from './rag-index-fixtures.js';

const DIMENSIONS = 64;
const CHUNKS = 1_200;
const OF_A_DOCUMENT = 20;
const TOP = 10;
/** As many as the product asks for. */
const DEPTH = 50;

let bench: IndexBench;
let collection: TestCollection;
const vectors = new Map<string, Float32Array>();
const random = seeded(3);
const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
const near = (center: Float32Array, distance: number) => center.map((value) => value + distance * normal());
const direction = () => Float32Array.from({ length: DIMENSIONS }, normal);
const topics = Array.from({ length: 12 }, direction);

function chunksOf(topic: Float32Array, count: number): MadeChunk[] {
  const document = near(topic, 0.8);
  return Array.from({ length: count }, (_, n) => ({ text: `chunk ${n}`, vector: near(document, 0.7) }));
}

beforeAll(async () => {
  bench = await IndexBench.open();
  collection = await bench.collection(DIMENSIONS);
  for (let n = 0; n < CHUNKS / OF_A_DOCUMENT; n++) {
    const made = chunksOf(topics[n % topics.length] ?? direction(), OF_A_DOCUMENT);
    const { number } = await collection.document(made, { n, topic: n % topics.length });
    made.forEach(({ vector }, position) => vectors.set(`${number}/${position}`, Float32Array.from(vector)));
  }
}, 120_000);
afterAll(() => bench.close());

/** Also those that are as near as the tenth, as far as three digits tell, which is what the database keeps. */
function nearest(query: Float32Array, isIn: (place: string) => boolean = () => true): string[] {
  const similarity = (vector: Float32Array) => {
    let [dot, square] = [0, 0];
    for (let n = 0; n < vector.length; n++) {
      dot += (vector[n] ?? 0) * (query[n] ?? 0);
      square += (vector[n] ?? 0) ** 2;
    }
    return dot / Math.sqrt(square);
  };
  const length = Math.hypot(...query);
  const scored = [...vectors]
    .filter(([place]) => isIn(place))
    .map(([place, vector]) => ({ place, score: similarity(vector) / length }))
    .sort((a, b) => b.score - a.score);
  const tenth = scored[Math.min(TOP, scored.length) - 1]?.score ?? 0;
  return scored.filter(({ score }) => score > tenth - 0.001).map(({ place }) => place);
}

/** What most queries are not about, so that the index meets all others first. */
const TOPIC_3: [(number: number) => boolean, Filter] = [
  (n) => (n - 1) % 12 === 3,
  { sql: `d.metadata ->> 'topic' = :topic`, parameters: { topic: '3' } },
];

type Found = { number: number; position: number }[];
const places = (found: Found) => found.map(({ number, position }) => `${number}/${position}`);

async function counted(vector: Float32Array, filter?: Filter): Promise<Found> {
  return (await collection.search({ vector, ...(filter ? { filter } : {}) })).vector;
}

/** As with a filter that leaves more than is compared one by one. */
async function met(vector: Float32Array, filter: Filter = ALL, whose = collection): Promise<Found> {
  const query = { space: whose.space, vector, most: DEPTH, matching: MatchingDocuments.many(filter) };
  const found = await whose.run(() =>
    bench.db.run(() => bench.context.get(VectorSearchRepository).nearest(query), { asOfOneMoment: true }),
  );
  return found.slice(0, TOP);
}

const ALL = { sql: 'true', parameters: {} };
type Filter = { sql: string; parameters: Record<string, unknown> };

async function recall(isIn: (number: number) => boolean, filter?: Filter, find = counted) {
  let [hit, wanted] = [0, 0];
  for (let n = 0; n < 12; n++) {
    const query = near(topics[n] ?? direction(), 1);
    const expected = nearest(query, (place) => isIn(Number(place.split('/')[0])));
    const found = new Set(places(await find(query, filter)));
    hit += Math.min(TOP, expected.filter((place) => found.has(place)).length);
    wanted += Math.min(TOP, expected.length);
  }
  return hit / wanted;
}

/** Fewer are large here than really are. */
const moveTo = (bucket: number, { limit = 500, byRows = false, whose = collection } = {}) =>
  whose.run(() =>
    bench.context.get(VectorMoves).moveLarge(whose.space, limit, {
      ...{ leastUsed: async () => bucket, byRows, signal: new AbortController().signal },
    }),
  );

const hasIndex = (bucket: number) =>
  collection.run(() => bench.context.get(VectorMovesRepository).hasIndex(DIMENSIONS, bucket));

const onServers = process.env['TEST_DATABASE_URL'] ? it : it.skip;

const inTables = () =>
  collection.sql<{ fresh: number; indexed: number }>(
    `SELECT (SELECT count(*)::int FROM rag_vectors_64 WHERE tenant_id = :tenantId) AS fresh,
            (SELECT count(*)::int FROM rag_vectors_64_1 WHERE tenant_id = :tenantId) AS indexed`,
  );

describe('A collection of more vectors than are compared one by one', () => {
  it('finds the same before and after they are moved to an index, under filters of any selectivity', async () => {
    expect(await recall(() => true)).toBe(1);
    expect(await recall(...TOPIC_3, met)).toBe(1);
    // Documents are still coming, as long as their words are not put in order.
    await moveTo(1);
    expect(await collection.run(() => bench.context.get(VectorsRepository).bucketOf(collection.space))).toBeNull();
    await bench.upkeep.tidy();
    await moveTo(1);
    expect(await inTables()).toEqual([{ fresh: 0, indexed: CHUNKS }]);
    expect(await hasIndex(1)).toBe(true);

    expect(await recall(() => true)).toBeGreaterThanOrEqual(0.97);
    for (const find of [counted, met]) {
      const [most, half, topic, one, none] = await Promise.all([
        recall((n) => n !== 5, { sql: `(d.metadata ->> 'n')::int <> :n`, parameters: { n: 4 } }, find),
        recall((n) => n % 2 === 1, { sql: `(d.metadata ->> 'n')::int % 2 = 0`, parameters: {} }, find),
        recall(...TOPIC_3, find),
        recall((n) => n === 9, { sql: `d.metadata ->> 'n' = :n`, parameters: { n: '8' } }, find),
        find(direction(), { sql: 'false', parameters: {} }),
      ]);
      expect(most).toBeGreaterThanOrEqual(0.97);
      expect(half).toBeGreaterThanOrEqual(find === counted ? 1 : 0.97);
      expect([topic, one, none]).toEqual([1, 1, []]);
    }
  }, 120_000);

  it('looks at the documents once, where all that match are compared', async () => {
    const other = await bench.collection(DIMENSIONS);
    await other.document(chunksOf(direction(), 5));
    const sent = jest.spyOn(bench.db, 'sql');
    expect(await met(direction(), ALL, other)).toHaveLength(5);
    const [text, parameters] = sent.mock.calls.find(([sql]) => sql.includes('FROM rag_vectors_64 v')) ?? [];
    sent.mockRestore();
    const plan = await other.sql<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, parameters);
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('hashed SubPlan');
  });

  it('reads the index, as the application does, and one row where a document is deleted', async () => {
    const plan = await collection.run(() =>
      bench.db.run(async () => {
        await bench.db.sql(`SELECT set_config('enable_sort', 'off', true) WHERE :tenantId::uuid IS NOT NULL`);
        return bench.db.sql<{ 'QUERY PLAN': string }>(
          `EXPLAIN SELECT v.number, v.position FROM rag_vectors_64_1 v
           WHERE v.tenant_id = :tenantId AND v.collection_id = :collectionId AND v.space_id = :spaceId
           ORDER BY v.embedding <#> :vector::halfvec LIMIT 30`,
          { ...collection.space, vector: `[${direction().join()}]` },
        );
      }),
    );
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('Index Scan using rag_vectors_64_1_hnsw');
  });

  it('finds what is new at once, and loses what is replaced or deleted at once', async () => {
    const topic = direction();
    const { id, number } = await collection.document(chunksOf(topic, 3));
    const found = async () => places((await collection.search({ vector: topic, depth: 3 })).vector).sort();
    expect(await found()).toEqual([0, 1, 2].map((position) => `${number}/${position}`));
    const next = await collection.version(id, chunksOf(topic, 3));
    expect(await found()).toEqual([0, 1, 2].map((position) => `${next}/${position}`));
    await collection.remove(id);
    expect((await found()).filter((place) => place.startsWith(`${next}/`) || place.startsWith(`${number}/`))).toEqual(
      [],
    );
  });

  it('is moved while documents come, when it is far too large to wait', async () => {
    const other = await bench.collection(DIMENSIONS);
    await other.document(chunksOf(direction(), 40));
    await moveTo(2, { limit: 2, whose: other });
    expect(await hasIndex(2)).toBe(true);
    expect(await other.sql('SELECT 1 FROM rag_vectors_64_2 WHERE tenant_id = :tenantId')).toHaveLength(40);
  });

  it('has its index from the start where it is filled row by row, and shares it with others', async () => {
    const [first, second] = [await bench.collection(DIMENSIONS), await bench.collection(DIMENSIONS)];
    const topic = direction();
    for (const [n, whose] of [first, second].entries()) {
      await whose.document(chunksOf(topic, 40), { n });
      await bench.upkeep.tidy();
      await moveTo(3, { limit: 20, byRows: true, whose });
    }
    for (const whose of [first, second]) {
      expect(await whose.sql('SELECT 1 FROM rag_vectors_64_3 WHERE tenant_id = :tenantId')).toHaveLength(40);
      expect((await whose.search({ vector: topic, depth: 40 })).vector).toHaveLength(40);
    }
  });

  it('is whole, and gets its index, when a process ended before that', async () => {
    const other = await bench.collection(DIMENSIONS);
    const topic = direction();
    await other.document(chunksOf(topic, 60));
    const moves = bench.context.get(VectorMovesRepository);
    await other.run(async () => {
      await bench.context.get(VectorsRepository).prepare(DIMENSIONS, 4);
      await moves.setBucket(other.space, 4);
      expect(await bench.db.run(() => moves.move(other.space, 4, 25))).toBe(25);
    });
    const all = async () => places((await other.search({ vector: topic, depth: 60 })).vector);
    const before = await all();
    expect(new Set(before).size).toBe(60);
    await moveTo(5, { limit: 1_000, whose: other });
    expect(await other.sql('SELECT 1 FROM rag_vectors_64_4 WHERE tenant_id = :tenantId')).toHaveLength(60);
    expect(await hasIndex(4)).toBe(true);
    expect(await all()).toEqual(before);
  });

  onServers('is left alone while another process makes its index', async () => {
    const other = await bench.collection(DIMENSIONS);
    await other.document(chunksOf(direction(), 30));
    await bench.upkeep.tidy();
    const [held, released] = [Promise.withResolvers<true>(), Promise.withResolvers<true>()];
    const holder = other.run(() =>
      bench.db.run(async () => {
        await bench.db.sql('SELECT pg_advisory_xact_lock(7313, :key) WHERE :tenantId::uuid IS NOT NULL', {
          key: DIMENSIONS * 100 + 6,
        });
        held.resolve(true);
        await released.promise;
      }),
    );
    await held.promise;
    await moveTo(6, { limit: 10, whose: other });
    released.resolve(true);
    await holder;
    expect(await other.sql('SELECT 1 FROM rag_vectors_64 WHERE tenant_id = :tenantId')).toHaveLength(30);
    await moveTo(6, { limit: 10, whose: other });
    expect(await other.sql('SELECT 1 FROM rag_vectors_64_6 WHERE tenant_id = :tenantId')).toHaveLength(30);
  });

  it('loses a version, a space and itself piece by piece', async () => {
    const { collectionId } = collection.space;
    const drop = async (step: () => Promise<number>) => {
      let all = 0;
      for (;;) {
        const dropped = await collection.run(() => bench.db.run(step));
        if (dropped === 0) return all;
        all += dropped;
      }
    };
    expect(await drop(() => bench.index.dropVersion(collectionId, 1, 7))).toBe(OF_A_DOCUMENT);
    expect((await inTables())[0]?.indexed).toBe(CHUNKS - OF_A_DOCUMENT);
    expect(await drop(() => bench.index.dropSpace(collection.space, 500))).toBe(CHUNKS - OF_A_DOCUMENT + 6);
    expect(await inTables()).toEqual([{ fresh: 0, indexed: 0 }]);
    await drop(() => bench.index.dropCollection(collectionId, 500));
    const left = await collection.sql(
      `SELECT 1 FROM rag_postings WHERE tenant_id = :tenantId AND collection_id = :collectionId
       UNION ALL SELECT 1 FROM rag_segments WHERE tenant_id = :tenantId AND collection_id = :collectionId
       UNION ALL SELECT 1 FROM rag_fresh_postings WHERE tenant_id = :tenantId AND collection_id = :collectionId
       UNION ALL SELECT 1 FROM rag_vector_spaces WHERE tenant_id = :tenantId AND collection_id = :collectionId`,
    );
    expect(left).toEqual([]);
  });
});
