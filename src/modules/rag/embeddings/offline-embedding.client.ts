import type { BoundedWork } from '../../../platform/compute/bounded-work.js';
import type { EmbeddingClient, EmbeddingRequest, RawEmbeddings } from './embedding-client.js';
import type embedTexts from './embed-texts.worker.js';
import { embedOffline } from './offline-embedding.js';

const EMBED = new URL('./embed-texts.worker.js', import.meta.url);
const LIMIT_MS = 60_000;
/** As many as take no longer than it takes to have a thread do it. */
const FEW_CHARACTERS = 5_000;

/** Vectors that are computed here, without any network. */
export class OfflineEmbeddingClient implements EmbeddingClient {
  readonly provider = 'offline';

  constructor(private readonly work: BoundedWork) {}

  async embed(
    _model: unknown,
    { texts, signal }: Omit<EmbeddingRequest, 'signal'> & { signal: AbortSignal },
  ): Promise<RawEmbeddings> {
    signal.throwIfAborted();
    const characters = texts.reduce((sum, { length }) => sum + length, 0);
    const vectors = characters < FEW_CHARACTERS ? await embedOffline(texts) : await this.inThread(texts, signal);
    return { vectors: new Map(vectors.entries()), inputTokens: null };
  }

  private inThread(texts: readonly string[], signal: AbortSignal): Promise<Float32Array[]> {
    const options = { limitMs: LIMIT_MS, line: 'documents', patient: true, signal } as const;
    return this.work.run<typeof embedTexts>(EMBED, { texts }, options);
  }
}
