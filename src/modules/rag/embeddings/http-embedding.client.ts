import { TimedOut } from '../../../contracts/errors.js';
import { boundedBody } from '../../../platform/egress/bounded-body.js';
import { ResponseTooLarge } from '../../../platform/egress/request-failures.js';
import { ModelCallFailed } from '../../models/model-errors.js';
import type { EmbeddingClient, EmbeddingRequest, RawEmbeddings } from './embedding-client.js';
import type { ListedEmbeddingModel } from './embedding-list.js';
import { malformed, readAnswer } from './provider-answer.js';
import { refusalOf } from './provider-refusal.js';

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
const MORE_BYTES = 64 * 1024;

/**
 * The API that OpenAI has, and many after it, and Voyage's, which differs in names. The address is the operator's, so the
 * rules for what users give do not hold for it; since the key goes along, no redirect is followed.
 */
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
    signal.throwIfAborted();
    const timeout = AbortSignal.timeout((this.options.timeoutMs ?? TIMEOUT_MS)[purpose]);
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: this.headers(),
        body: JSON.stringify(this.body(model, texts, purpose)),
        redirect: 'error',
        signal: AbortSignal.any([signal, timeout]),
      });
      const most = texts.length * model.dimensions * BYTES_PER_NUMBER + MORE_BYTES;
      const text = await textOf(response, response.ok ? most : MORE_BYTES);
      if (!response.ok) throw refusalOf(this.provider, response, text, this.options.apiKey);
      return readAnswer(this.provider, parsed(this.provider, text));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ModelCallFailed) throw error;
      if (error instanceof ResponseTooLarge) throw malformed(this.provider, 'it is too large');
      if (timeout.aborted) throw new TimedOut(`Embeddings by ${this.provider} took too long`);
      throw new ModelCallFailed(this.provider, 'fault', `${this.provider} could not be reached${codeOf(error)}`);
    }
  }

  private headers(): Record<string, string> {
    const { apiKey } = this.options;
    const common = { accept: 'application/json', 'content-type': 'application/json' };
    return apiKey === null ? common : { ...common, authorization: `Bearer ${apiKey}` };
  }

  private body(model: ListedEmbeddingModel, texts: readonly string[], purpose: 'document' | 'query'): object {
    const { name, dimensions, setsDimensions, encoding } = model;
    const common = { model: name, input: texts, ...(encoding === 'base64' && { encoding_format: encoding }) };
    if (this.options.provider === 'voyage')
      return { ...common, input_type: purpose, ...(setsDimensions && { output_dimension: dimensions }) };
    return { ...common, ...(setsDimensions && { dimensions }) };
  }
}

async function textOf({ body }: Response, mostBytes: number): Promise<string> {
  return body ? new Response(boundedBody(body, mostBytes, (error) => error)).text() : '';
}

function parsed(provider: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(provider, 'it is no JSON');
  }
}

/** The system's code of a network error, such as ` (ECONNREFUSED)`, from however deep it lies. */
function codeOf(error: unknown): string {
  for (let cause = error, depth = 0; cause && depth < 5; depth += 1) {
    const { code, cause: deeper } = cause as { code?: unknown; cause?: unknown };
    if (typeof code === 'string') return ` (${code})`;
    cause = deeper;
  }
  return '';
}
