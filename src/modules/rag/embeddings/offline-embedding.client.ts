import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EmbeddingClient, EmbeddingRequest, RawEmbeddings } from './embedding-client.js';

/** How long it keeps the event loop at most, but for a single long text. */
const SLICE_MS = 10;

/** Vectors that are computed here, without any network. */
export class OfflineEmbeddingClient implements EmbeddingClient {
  readonly provider = 'offline';

  constructor(private readonly embedText: (text: string, purpose: EmbeddingRequest['purpose']) => Float32Array) {}

  async embed(
    _model: unknown,
    { texts, purpose, signal }: Omit<EmbeddingRequest, 'signal'> & { signal: AbortSignal },
  ): Promise<RawEmbeddings> {
    const vectors = new Map<number, Float32Array>();
    let sliceEnds = performance.now() + SLICE_MS;
    for (const [index, text] of texts.entries()) {
      signal.throwIfAborted();
      vectors.set(index, this.embedText(text, purpose));
      if (performance.now() < sliceEnds) continue;
      await nextTurn();
      sliceEnds = performance.now() + SLICE_MS;
    }
    return { vectors, inputTokens: null };
  }
}
