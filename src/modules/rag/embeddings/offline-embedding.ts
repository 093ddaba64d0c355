import { functionWords } from '../analysis/function-words.js';
import { headingOf } from '../analysis/heading.js';
import { eachWord } from '../analysis/words.js';

/** The model that needs no provider. */
export const OFFLINE = 'offline';

/**
 * Measured on SciFact: with fewer, unrelated texts come out alike by chance (nDCG@10 of vectors alone falls by a tenth
 * at 512); with more, a row of halfvec leaves its page (2 KB), where each comparison has to fetch it.
 */
export const OFFLINE_DIMENSIONS = 768;

/** Parts of words catch other forms of them, and together say more than the word as it stands. */
const WORD_SHARE = 1;
const PARTS_SHARE = 2;
const PART_LENGTHS = [3, 4];
const FUNCTION_WORD_WEIGHT = 0.1;
/** The second mention of a word says less than the first. */
const REPEATED = 0.75;
const MOST_REMEMBERED = 20_000;

/** Weights of words as `eachWord` gives them; those it lacks weigh 1. */
export type WordWeights = ReadonlyMap<string, number>;

/**
 * Vectors of texts by their words and parts of words, hashed: alike where the wording is, whatever the language. What
 * comes out depends on the text alone, and on `weights`, which are for queries: how rare their words are where they are
 * searched for. Of length 1; all zeros where a text has no words.
 */
export async function embedOffline(texts: readonly string[], weights?: WordWeights): Promise<Float32Array[]> {
  const common = await functionWords();
  return texts.map((text) => embed(text, (word) => weightOf(word, common) * (weights?.get(word) ?? 1)));
}

function weightOf(word: string, common: ReadonlySet<string>): number {
  return common.has(word) ? FUNCTION_WORD_WEIGHT : 1;
}

function embed(text: string, weigh: (word: string) => number): Float32Array {
  const counts = new Map<string, number>();
  const count = (word: string) => counts.set(word, (counts.get(word) ?? 0) + 1);
  eachWord(text, count);
  eachWord(headingOf(text), count);
  const sums = new Float64Array(OFFLINE_DIMENSIONS);
  for (const [word, times] of counts) {
    const weight = times ** REPEATED * weigh(word);
    const { places, shares } = featuresOf(word);
    for (let n = 0; n < places.length; n++) {
      const place = places[n] ?? 0;
      sums[place] = (sums[place] ?? 0) + weight * (shares[n] ?? 0);
    }
  }
  return unit(sums);
}

function unit(sums: Float64Array): Float32Array {
  let square = 0;
  for (const value of sums) square += value * value;
  const length = Math.sqrt(square);
  return Float32Array.from(sums, (value) => (length > 0 ? value / length : 0));
}

/** Where a word shows in a vector, and how much, with a sign that lets chance meetings cancel out. */
interface Features {
  places: Uint16Array;
  shares: Float32Array;
}

const remembered = new Map<string, Features>();

function featuresOf(word: string): Features {
  const known = remembered.get(word);
  if (known) return known;
  const parts = partsOf(word);
  const names = [`w${word}`, ...parts.map((part) => `p${part}`)];
  const hashes = names.map(hash);
  const share = PARTS_SHARE / Math.sqrt(parts.length || 1);
  const features = {
    places: Uint16Array.from(hashes, (value) => (value >>> 1) % OFFLINE_DIMENSIONS),
    shares: Float32Array.from(hashes, (value, n) => (n === 0 ? WORD_SHARE : share) * (value & 1 ? 1 : -1)),
  };
  if (remembered.size >= MOST_REMEMBERED) remembered.clear();
  remembered.set(word, features);
  return features;
}

/** Runs of characters, with the word's ends as characters of their own. */
function partsOf(word: string): string[] {
  const characters = ['<', ...word, '>'];
  return PART_LENGTHS.flatMap((length) =>
    characters.slice(length - 1).map((_, start) => characters.slice(start, start + length).join('')),
  );
}

/** FNV-1a over UTF-16 units, mixed by the end of MurmurHash3, so that all bits depend on all of the name. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (let n = 0; n < name.length; n++) value = Math.imul(value ^ name.charCodeAt(n), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
