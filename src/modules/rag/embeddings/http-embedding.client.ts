import type { EmbeddingClient, EmbeddingRequest, RawEmbeddings } from './embedding-client.js';
import type { ListedEmbeddingModel } from './embedding-list.js';
import { readAnswer } from './provider-answer.js';
import { callProvider, MORE_BYTES } from './provider-call.js';

export interface HttpEmbeddingOptions {
  readonly provider: 'voyage' | 'openai';
  /** Without `/embeddings`. */
  readonly baseUrl: string;
  /** Null: the server asks for none, as Ollama and vLLM do. */
  readonly apiKey: string | null;
  readonly timeoutMs?: { readonly document: number; readonly query: number };
}

/** Someone waits for a query; a local model takes its time for a batch. */
const TIMEOUT_MS = { document: 120_000, query: 15_000 };
/** Of a number written out, with its comma and a blank. */
const BYTES_PER_NUMBER = 40;

/** The API that OpenAI has, and many after it, and Voyage's, which differs in names. */
export class HttpEmbeddingClient implements EmbeddingClient {
  readonly provider: string;
  private readonly url: string;

  constructor(private readonly options: HttpEmbeddingOptions) {
    this.provider = options.provider;
    this.url = `${options.baseUrl.replace(/\/+$/, '')}/embeddings`;
  }

  async embed(
    model: ListedEmbeddingModel,
    { texts, purpose, signal }: Omit<EmbeddingRequest, 'signal'> & { signal: AbortSignal },
  ): Promise<RawEmbeddings> {
    const answer = await callProvider({
      ...{ provider: this.provider, what: 'Embeddings', url: this.url, apiKey: this.options.apiKey, signal },
      body: this.body(model, texts, purpose),
      timeoutMs: (this.options.timeoutMs ?? TIMEOUT_MS)[purpose],
      mostBytes: texts.length * model.dimensions * BYTES_PER_NUMBER + MORE_BYTES,
    });
    return readAnswer(this.provider, answer);
  }

  private body(model: ListedEmbeddingModel, texts: readonly string[], purpose: 'document' | 'query'): object {
    const { name, dimensions, setsDimensions, encoding } = model;
    const common = { model: name, input: texts, ...(encoding === 'base64' && { encoding_format: encoding }) };
    if (this.options.provider === 'voyage')
      return { ...common, input_type: purpose, ...(setsDimensions && { output_dimension: dimensions }) };
    return { ...common, ...(setsDimensions && { dimensions }) };
  }
}
