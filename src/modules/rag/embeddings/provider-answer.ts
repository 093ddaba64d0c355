import { ModelCallFailed } from '../../models/model-errors.js';
import type { RawEmbeddings } from './embedding-client.js';

/** Voyage and OpenAI answer alike: `{data: [{index, embedding}], usage: {total_tokens}}`. */
export function readAnswer(provider: string, answer: unknown): RawEmbeddings {
  const { data } = (answer ?? {}) as { data?: unknown };
  if (!Array.isArray(data)) throw malformed(of(provider), 'it has no data');
  const vectors = new Map<number, Float32Array>();
  for (const entry of data as unknown[]) {
    const { index, embedding } = (entry ?? {}) as { index?: unknown; embedding?: unknown };
    if (typeof index !== 'number' || vectors.has(index))
      throw malformed(of(provider), 'a vector has no place of its own');
    vectors.set(index, vectorOf(provider, embedding));
  }
  return { vectors, inputTokens: toldTokens(answer) };
}

/** `{usage: {total_tokens}}`; null when there is none. */
export function toldTokens(answer: unknown): number | null {
  const { usage } = (answer ?? {}) as { usage?: { total_tokens?: unknown } | null };
  const tokens = usage?.total_tokens;
  return Number.isSafeInteger(tokens) && Number(tokens) >= 0 ? Number(tokens) : null;
}

/** A list of numbers, or their bytes in base64, the least significant first. */
function vectorOf(provider: string, embedding: unknown): Float32Array {
  if (typeof embedding === 'string') {
    const bytes = Buffer.from(embedding, 'base64');
    if (bytes.length % 4 !== 0) throw malformed(of(provider), 'a vector is no list of numbers');
    return Float32Array.from({ length: bytes.length / 4 }, (_, place) => bytes.readFloatLE(place * 4));
  }
  if (!Array.isArray(embedding) || !embedding.every((value) => typeof value === 'number'))
    throw malformed(of(provider), 'a vector is no list of numbers');
  return Float32Array.from(embedding);
}

function of(provider: string) {
  return { provider, what: 'Embeddings' };
}

export function malformed({ provider, what }: { provider: string; what: string }, problem: string): ModelCallFailed {
  return new ModelCallFailed(
    provider,
    'fault',
    `${provider} answered ${what.toLowerCase()} that can not be read: ${problem}`,
  );
}
