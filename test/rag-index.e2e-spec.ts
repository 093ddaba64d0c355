import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { IndexFindings } from '../src/modules/rag/index/knowledge-index.service.js';
import { SegmentsRepository } from '../src/modules/rag/index/segments.repository.js';
import { IndexBench, seeded, type MadeChunk, type TestCollection } from './rag-index-fixtures.js';

const DIMENSIONS = 16;

let bench: IndexBench;
beforeAll(async () => {
  bench = await IndexBench.open();
}, 60_000);
afterAll(() => bench.close());

const random = seeded(1);
const direction = () => Array.from({ length: DIMENSIONS }, () => random() - 0.5);
const WORDS = Array.from({ length: 400 }, (_, n) => `w${n}`);
/** Some words are frequent and most are rare. */
const word = () => WORDS[Math.floor(random() ** 3 * WORDS.length)] ?? '';
const words = (count: number) => Array.from({ length: count }, word).join(' ');
const chunk = (): MadeChunk => ({ text: words(5 + Math.floor(random() * 40)), vector: direction() });
const chunks = (count: number) => Array.from({ length: count }, chunk);

const places = (ranking: IndexFindings['vector']) => ranking.map(({ number, position }) => `${number}/${position}`);
const settle = () => bench.upkeep.tidy();

/** What BM25 is by the book, over the texts of the live versions. */
function bm25(live: Map<number, MadeChunk[]>, query: string): { place: string; score: number }[] {
  const all = [...live].flatMap(([number, made]) =>
    made.map(({ text }, position) => ({ place: `${number}/${position}`, words: text.split(' ') })),
  );
  const average = all.reduce((sum, { words: own }) => sum + own.length, 0) / all.length;
  const scored = all.map(({ place, words: own }) => {
    let score = 0;
    for (const term of new Set(query.split(' '))) {
      const having = all.filter(({ words: others }) => others.includes(term)).length;
      const frequency = own.filter((other) => other === term).length;
      const weight = query.split(' ').filter((other) => other === term).length;
      const rarity = Math.log(1 + (all.length - having + 0.5) / (having + 0.5));
      score += (weight * rarity * frequency * 2.2) / (frequency + 1.2 * (0.25 + (0.75 * own.length) / average));
    }
    return { place, score };
  });
  return scored.filter(({ score }) => score > 0).sort((a, b) => b.score - a.score);
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let n = 0; n < a.length; n++) {
    const [x, y] = [a[n] ?? 0, b[n] ?? 0];
    [dot, aa, bb] = [dot + x * y, aa + x * x, bb + y * y];
  }
  return dot / Math.sqrt(aa * bb);
}

async function filled(collection: TestCollection, documents: number): Promise<Map<number, MadeChunk[]>> {
  const live = new Map<number, MadeChunk[]>();
  for (let n = 0; n < documents; n++) {
    const made = chunks(1 + (n % 4));
    live.set((await collection.document(made, { n, half: n % 2 })).number, made);
  }
  return live;
}

function expectBm25(found: IndexFindings['keyword'], expected: { place: string; score: number }[]): void {
  expect(found.map(({ score }) => score.toFixed(9))).toEqual(
    expected.slice(0, found.length).map(({ score }) => score.toFixed(9)),
  );
}

describe('Words', () => {
  it('are ranked by BM25, merged or not, with versions replaced and documents gone', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const live = await filled(collection, 40);
    const queries = Array.from({ length: 10 }, () => words(1 + Math.floor(random() * 6)));
    const check = async () => {
      const found: IndexFindings['keyword'][] = [];
      for (const query of queries) {
        const { keyword } = await collection.search({ words: query, depth: 30 });
        expectBm25(keyword, bm25(live, query));
        expect(keyword).toHaveLength(Math.min(30, bm25(live, query).length));
        found.push(keyword);
      }
      return found;
    };
    const fresh = await check();
    await settle();
    expect(await check()).toEqual(fresh);

    const ids = await collection.sql<{ id: string; number: number }>(
      'SELECT id, number FROM rag_documents WHERE tenant_id = :tenantId AND collection_id = :collectionId ORDER BY number',
    );
    for (const { id, number } of ids.slice(0, 8)) {
      live.delete(number);
      await collection.remove(id);
    }
    for (const { id, number } of ids.slice(8, 20)) {
      const made = chunks(3);
      live.delete(number);
      live.set(await collection.version(id, made), made);
    }
    const changed = await check();
    for (const { number } of ids.slice(0, 20))
      while (
        (await collection.run(() =>
          bench.db.run(() => bench.index.dropVersion(collection.space.collectionId, number, 2)),
        )) > 0
      );
    await collection.sql('DELETE FROM rag_garbage WHERE tenant_id = :tenantId AND collection_id = :collectionId');
    expect(await check()).toEqual(changed);
    await settle();
    expect(await check()).toEqual(changed);
    const left = await collection.sql<{ what: string }>(
      `SELECT 'fresh' AS what FROM rag_fresh_postings WHERE tenant_id = :tenantId AND collection_id = :collectionId
       UNION ALL SELECT 'mark' FROM rag_dropped_versions WHERE tenant_id = :tenantId AND collection_id = :collectionId
       UNION ALL SELECT status FROM rag_segments WHERE tenant_id = :tenantId AND collection_id = :collectionId`,
    );
    expect(left.map(({ what }) => what).filter((what) => what !== 'ready')).toEqual([]);
  });

  it('of many small additions end in few segments', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const live = new Map<number, MadeChunk[]>();
    for (let n = 0; n < 20; n++) {
      const made = chunks(2);
      live.set((await collection.document(made)).number, made);
      await settle();
    }
    const segments = await collection.sql<{ status: string }>(
      'SELECT status FROM rag_segments WHERE tenant_id = :tenantId AND collection_id = :collectionId',
    );
    expect(segments.length).toBeLessThanOrEqual(9);
    const query = words(5);
    expectBm25((await collection.search({ words: query })).keyword, bm25(live, query));
  });

  it.each([
    ['new postings', 1],
    ['segments', 4],
  ])('are found the same when a process ends while it merges %s, and are merged later', async (_, rounds) => {
    const collection = await bench.collection(DIMENSIONS);
    const live = new Map<number, MadeChunk[]>();
    const repository = bench.context.get(SegmentsRepository);
    const { finish } = repository;
    const late: Parameters<typeof finish>[] = [];
    let merges = 0;
    const ending = jest.spyOn(repository, 'finish').mockImplementation((...given) => {
      merges += 1;
      // The merge of four segments follows the one that makes the fourth.
      if (merges < (rounds === 1 ? 1 : rounds + 1)) return finish.apply(repository, given);
      late.push(given);
      return Promise.reject(new Error('The process has ended'));
    });
    for (let round = 1; round <= rounds; round++) {
      for (let n = 0; n < 4; n++) {
        const made = chunks(3);
        live.set((await collection.document(made)).number, made);
      }
      if (round < rounds) await settle();
    }
    const query = words(5);
    const found = async () => (await collection.search({ words: query, depth: 60 })).keyword;
    const before = await found();
    expectBm25(before, bm25(live, query));
    await settle();
    expect(late).toHaveLength(1);
    ending.mockRestore();
    expect(await found()).toEqual(before);

    const segments = () =>
      collection.sql<{ status: string; isClaimed: boolean }>(
        `SELECT status, merging_into IS NOT NULL AS "isClaimed" FROM rag_segments
         WHERE tenant_id = :tenantId AND collection_id = :collectionId`,
      );
    // Whoever claimed it may still be at work.
    await settle();
    expect((await segments()).map(({ status }) => status)).toContain('building');
    expect(await found()).toEqual(before);
    await collection.sql(
      `UPDATE rag_segments SET updated_at = updated_at - interval '11 minutes'
       WHERE tenant_id = :tenantId AND collection_id = :collectionId`,
    );
    await settle();
    expect(await segments()).toEqual([{ status: 'ready', isClaimed: false }]);
    expect(await found()).toEqual(before);

    // It was only slow, and comes too late.
    for (const given of late)
      expect(await collection.run(() => bench.db.run(() => finish.apply(repository, given)))).toBe(false);
    expect(await found()).toEqual(before);
  });

  it('of which there are too many to be read are still the most frequent', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const texts = ['rare common', 'rare common', 'common', 'common', 'common'];
    await collection.document(texts.map((text) => ({ text, vector: direction() })));
    await settle();
    // As if there were far more of them.
    await collection.sql(
      `WITH gone AS (DELETE FROM rag_postings WHERE tenant_id = :tenantId AND collection_id = :collectionId RETURNING *)
       INSERT INTO rag_postings
       SELECT tenant_id, collection_id, segment_id, term, chunk_count * 200000, last_chunk, postings FROM gone`,
    );
    await collection.sql(
      `UPDATE rag_collections SET chunk_count = chunk_count * 200000, term_total = term_total * 200000
       WHERE tenant_id = :tenantId AND id = :collectionId`,
    );
    const { keyword, frequencies } = await collection.search({ words: 'rare common' });
    expect(keyword.map(({ position }) => position)).toEqual([0, 1]);
    expect([...frequencies.having].sort()).toEqual([
      ['common', 1_000_000],
      ['rare', 400_000],
    ]);
  });

  it('are counted the same where they are not searched for, without those that were dropped', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const made = (text: string) => ({ text, vector: direction() });
    const { id } = await collection.document([made('common rare'), made('common')]);
    await collection.document([made('common'), made('other')]);
    const counted = async (byWords: boolean) => {
      const { keyword, frequencies } = await collection.search({ words: 'common rare nowhere', byWords });
      return [keyword.length, Object.fromEntries(frequencies.having)];
    };
    for (const [act, having, found] of [
      [async () => undefined, { common: 3, rare: 1, nowhere: 0 }, 3],
      [settle, { common: 3, rare: 1, nowhere: 0 }, 3],
      [() => collection.version(id, [made('common other')]), { common: 2, rare: 0, nowhere: 0 }, 2],
      [settle, { common: 2, rare: 0, nowhere: 0 }, 2],
    ] as const) {
      await act();
      expect(await counted(true)).toEqual([found, having]);
      expect(await counted(false)).toEqual([0, having]);
    }
  });

  it('of any kind are found again', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const odd = ["o'neill", 'größe', '漢字', 'a'.repeat(500), 'back\\slash', '{brace}', '"', '😀', 'ﬁ'];
    await collection.document(odd.map((text) => ({ text: `${text} filler`, vector: direction() })));
    for (const merged of [false, true]) {
      if (merged) await settle();
      for (const [position, text] of odd.entries())
        expect(places((await collection.search({ words: text })).keyword)).toEqual([`1/${position}`]);
    }
    expect((await collection.search({ words: 'unheard of' })).keyword).toEqual([]);
    expect((await collection.search({ words: '' })).keyword).toEqual([]);
  });
});

describe('Vectors of a collection that is not large', () => {
  it('are all compared: none of the nearest is missed, whatever the filter leaves', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const live = await filled(collection, 60);
    for (const [half, filter] of [
      [null, undefined],
      [1, { sql: `d.metadata ->> 'half' = :half`, parameters: { half: '1' } }],
      ['n', { sql: `(d.metadata ->> 'n')::int = :n`, parameters: { n: 7 } }],
      ['none', { sql: 'false', parameters: {} }],
    ] as const) {
      const query = direction();
      const expected = [...live.values()]
        .flatMap((made, n) => made.map(({ vector }) => ({ n, similarity: cosine(vector, query) })))
        .filter(({ n }) => half === null || (half === 1 && n % 2 === 1) || (half === 'n' && n === 7))
        .map(({ similarity }) => similarity)
        .sort((a, b) => b - a)
        .slice(0, 10);
      const { vector } = await collection.search({ vector: query, ...(filter ? { filter } : {}) });
      expect(vector).toHaveLength(expected.length);
      for (const [n, { score }] of vector.entries()) expect(score).toBeCloseTo(expected[n] ?? NaN, 2);
    }
  });

  it('without direction are found by none and hurt nobody', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const nothing = new Array<number>(DIMENSIONS).fill(0);
    await collection.document([
      { text: 'a', vector: nothing },
      { text: 'b', vector: direction() },
    ]);
    const { vector } = await collection.search({ vector: nothing });
    expect(vector.map(({ score }) => Math.abs(score))).toEqual([0, 0]);
  });

  it('of a dimension that nobody has used yet are none', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const space = { ...collection.space, dimensions: 17 };
    const searched = { space, vector: Float32Array.from(direction()), terms: null, byWords: false };
    const search = () => bench.index.search({ collections: [searched], filter: null, depth: 10 });
    expect((await collection.run(search))[0]?.vector).toEqual([]);
  });

  it('are taken over for the same text, and the rest is named', async () => {
    const collection = await bench.collection(DIMENSIONS);
    const [one, two, three] = [chunk(), chunk(), chunk()];
    const { id } = await collection.document([one, two]);
    const number = 2;
    await collection.run(async () => {
      await bench.db.sql(
        `INSERT INTO rag_chunks (tenant_id, collection_id, number, position, id, document_id, content, heading_path,
           start_at, end_at, term_count, hash)
         SELECT :tenantId, :collectionId, 2, n - 1, gen_random_uuid(), :id, c, '{}', 0, 0, 0, sha256(convert_to(c, 'UTF8'))
         FROM unnest(:texts::text[]) WITH ORDINALITY AS t (c, n)`,
        { collectionId: collection.space.collectionId, id, texts: [three.text, two.text, one.text, two.text] },
      );
      const { space } = collection;
      expect(await bench.index.lacksVectors(space, number)).toBe(true);
      expect(await bench.db.run(() => bench.index.reuseVectors(space, number))).toEqual([0]);
      await bench.index.addVectors(space, number, [{ position: 0, vector: Float32Array.from(three.vector) }]);
      expect(await bench.index.lacksVectors(space, number)).toBe(false);
    });
  });
});
