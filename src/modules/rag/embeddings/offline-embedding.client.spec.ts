import { describe, expect, it } from '@jest/globals';
import { OfflineEmbeddingClient } from './offline-embedding.client.js';

/** Takes so long that many would hold up everything else. */
function slow(text: string): Float32Array {
  const until = performance.now() + 2;
  while (performance.now() < until);
  return Float32Array.of(text.length);
}

describe('embeddings without a provider', () => {
  const client = new OfflineEmbeddingClient(slow);
  const texts = Array.from({ length: 50 }, (_, n) => 'x'.repeat(n));

  it('are one for each text, and let others go on meanwhile', async () => {
    let turns = 0;
    const others = setInterval(() => (turns += 1), 1);
    const { vectors } = await client.embed(null, { texts, purpose: 'document', signal: new AbortController().signal });
    clearInterval(others);
    expect([...vectors].map(([index, vector]) => [index, vector[0]])).toEqual(texts.map((_, n) => [n, n]));
    expect(turns).toBeGreaterThan(2);
  });

  it('end with their caller', async () => {
    const caller = new AbortController();
    const call = client.embed(null, { texts, purpose: 'document', signal: caller.signal });
    caller.abort(new Error('gone'));
    await expect(call).rejects.toThrow('gone');
  });
});
