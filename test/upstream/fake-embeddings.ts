import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { refusalOfEmbedding, type EmbeddingApi, type EmbeddingBody, type Refusal } from './validate-embedding.js';

interface Answer {
  data: { object: string; index: number; embedding: unknown }[];
  model: string;
  usage?: { total_tokens: number };
}

/** What goes wrong with one request. */
export interface Trouble {
  /** Refused so, and not billed. */
  status?: number;
  headers?: Record<string, string>;
  error?: unknown;
  delayMs?: number;
  /** Answered no sooner than this has come. */
  until?: Promise<unknown>;
  /** The connection is lost in the middle of the answer. */
  cut?: boolean;
  /** Changes what is answered, or its text. */
  answer?: (answer: Answer) => unknown;
}

interface RecordedEmbedding {
  api: EmbeddingApi;
  authorization: string | undefined;
  body: EmbeddingBody;
  status: number;
}

/**
 * An HTTP server that speaks the embedding APIs of Voyage (`/voyage/v1`) and OpenAI (`/openai/v1`): it refuses what they
 * refuse, in their words. Vectors are made of the text alone and have no unit length.
 */
export class FakeEmbeddings {
  readonly requests: RecordedEmbedding[] = [];
  /** How often each text was answered, and so billed. */
  readonly billed = new Map<string, number>();
  apiKey: string | null = 'sk-test-embedding-key';
  dimensions = 1024;
  /** Of the longest text, four bytes each. */
  maxTokens = 8_192;
  private readonly troubles: (Trouble | null)[] = [];
  private readonly server: Server = createServer((request, response) => {
    this.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async start(): Promise<this> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  url(api: EmbeddingApi): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/${api}/v1`;
  }

  /** For the next requests, one each; null: nothing. */
  enqueue(...troubles: (Trouble | null)[]): void {
    this.troubles.push(...troubles);
  }

  reset(): void {
    this.requests.length = 0;
    this.troubles.length = 0;
    this.billed.clear();
    this.apiKey = 'sk-test-embedding-key';
    this.maxTokens = 8_192;
    this.dimensions = 1024;
  }

  vectorOf(text: string, dimensions = this.dimensions): number[] {
    const bytes = createHash('sha256').update(text).digest();
    return Array.from({ length: dimensions }, (_, n) => Math.fround(((bytes[n % 32] ?? 0) - 127.5 + (n % 7)) / 10));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    const api = /^\/(voyage|openai)\/v1\/embeddings$/.exec(request.url ?? '')?.[1] as EmbeddingApi | undefined;
    if (!api || request.method !== 'POST') {
      send(response, { status: 404, body: { error: { message: 'Not found' } } });
      return;
    }
    const body = JSON.parse(text) as EmbeddingBody;
    const { authorization } = request.headers;
    const record = { api, authorization, body, status: 0 };
    this.requests.push(record);
    const { apiKey, maxTokens } = this;
    const refusal = refusalOfEmbedding(api, request.headers, body, { apiKey, maxTokens });
    const trouble = refusal ? null : this.troubles.shift();
    if (trouble?.delayMs !== undefined) await sleep(trouble.delayMs);
    await trouble?.until;
    if (response.destroyed) return;
    const refused: Refusal | null =
      trouble?.status === undefined
        ? refusal
        : { status: trouble.status, body: trouble.error ?? { detail: 'Trouble' } };
    record.status = refused?.status ?? 200;
    if (refused) {
      send(response, refused, trouble?.headers);
      return;
    }
    this.answer(response, body, trouble ?? {});
  }

  private answer(response: ServerResponse, body: EmbeddingBody, trouble: Trouble): void {
    const dimensions = body.dimensions ?? body.output_dimension ?? this.dimensions;
    const answer: Answer = {
      data: body.input.map((text, index) => {
        this.billed.set(text, (this.billed.get(text) ?? 0) + 1);
        const vector = this.vectorOf(text, dimensions);
        const bytes = Buffer.from(Float32Array.from(vector).buffer).toString('base64');
        return { object: 'embedding', index, embedding: body.encoding_format === 'base64' ? bytes : vector };
      }),
      model: body.model,
      usage: { total_tokens: body.input.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0) },
    };
    const changed = trouble.answer?.(answer) ?? answer;
    const text = typeof changed === 'string' ? changed : JSON.stringify(changed);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
    if (trouble.cut) response.write(text.slice(0, text.length / 2), () => response.destroy());
    else response.end(text);
  }
}

function send(response: ServerResponse, { status, body }: Refusal, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
