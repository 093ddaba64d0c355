import { createHash } from 'node:crypto';

export const DIMENSIONS = 384;
/** Chunks of a document; the last one of a tenant may have fewer. */
const CHUNKS = 20;
const TOPICS = 200;
/** Words of all texts; the most frequent are no stop words any more, as after analysis. */
const VOCABULARY = 60_000;
const FREQUENT_LEFT_OUT = 20;

export interface MadeChunk {
  content: string;
  terms: Map<string, number>;
  length: number;
  hash: Buffer;
  vector: Float32Array;
}

/**
 * Documents as they are: each of a topic, its chunks near each other, frequent topics and frequent words in all tenants.
 * Uniform noise would be no test of an index: in it nothing is near to anything.
 */
export class Corpus {
  private readonly random: () => number;
  private readonly topics: Float32Array[];
  private readonly frequencies: Float64Array;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.topics = Array.from({ length: TOPICS }, () => this.direction());
    this.frequencies = new Float64Array(VOCABULARY);
    let sum = 0;
    for (let rank = 0; rank < VOCABULARY; rank++) this.frequencies[rank] = sum += 1 / (rank + FREQUENT_LEFT_OUT);
  }

  /** Documents with so many chunks in all. */
  *documents(chunks: number): Generator<MadeChunk[]> {
    for (let left = chunks; left > 0; left -= CHUNKS) {
      const topic = this.topics[Math.floor(this.random() * this.random() * TOPICS)] ?? this.direction();
      const document = this.near(topic, 0.8);
      yield Array.from({ length: Math.min(CHUNKS, left) }, () => this.chunk(document));
    }
  }

  /** What somebody asks who looks for about this chunk. */
  question({ vector }: MadeChunk): { vector: Float32Array; terms: Map<string, number> } {
    const terms = new Map<string, number>();
    const count = 4 + Math.floor(this.random() * 6);
    while (terms.size < count) terms.set(this.word(), 1);
    return { vector: unit(this.near(vector, 0.7 / Math.sqrt(DIMENSIONS))), terms };
  }

  private chunk(document: Float32Array): MadeChunk {
    const terms = new Map<string, number>();
    const length = 100 + Math.floor(this.random() * 120);
    const words = Array.from({ length }, () => this.word());
    for (const word of words) terms.set(word, (terms.get(word) ?? 0) + 1);
    const content = words.join(' ');
    const hash = createHash('sha256').update(content).digest();
    return { content, terms, length, hash, vector: unit(this.near(document, 0.7)) };
  }

  private word(): string {
    const wanted = this.random() * (this.frequencies.at(-1) ?? 0);
    let [low, high] = [0, VOCABULARY - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.frequencies[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return `word${low.toString(36)}`;
  }

  private near(center: Float32Array, distance: number): Float32Array {
    return center.map((value) => value + distance * this.normal());
  }

  private direction(): Float32Array {
    return Float32Array.from({ length: DIMENSIONS }, () => this.normal());
  }

  private normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
  }
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

/** The same numbers between 0 and 1 every time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
