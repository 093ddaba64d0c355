import { afterAll, describe, expect, it } from '@jest/globals';
import { BoundedWork } from '../../../platform/compute/bounded-work.js';
import { OfflineEmbeddingClient } from './offline-embedding.client.js';
import { embedOffline } from './offline-embedding.js';

const work = new BoundedWork();
const client = new OfflineEmbeddingClient(work);
const request = (texts: readonly string[], signal = new AbortController().signal) =>
  client.embed(null, { texts, purpose: 'document', signal });

describe('Embeddings without a provider', () => {
  afterAll(() => work.onApplicationShutdown());

  it('are one for each text, the same alone and among many', async () => {
    const texts = Array.from({ length: 200 }, (_, n) => `Text ${n} of whales and other mammals, number ${n * 7}.`);
    const { vectors } = await request(texts);
    expect([...vectors.keys()]).toEqual(texts.map((_, n) => n));
    expect((await request(texts.slice(3, 4))).vectors.get(0)).toEqual(vectors.get(3));
    expect(vectors.get(3)).toEqual((await embedOffline(texts.slice(3, 4)))[0]);
  });

  it('end with their caller', async () => {
    await expect(request(['a'], AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    const caller = new AbortController();
    const many = request(
      Array.from({ length: 2_000 }, (_, n) => `whale ${n} `.repeat(300)),
      caller.signal,
    );
    setTimeout(() => caller.abort(new Error('gone')), 50);
    await expect(many).rejects.toThrow('gone');
  });
});
