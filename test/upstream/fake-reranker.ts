import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RerankBody {
  model: string;
  query: string;
  documents: string[];
  top_k?: number;
}

interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
}

const FIELDS = new Set(['model', 'query', 'documents', 'top_k', 'return_documents', 'truncation']);

/** Voyage's `/v1/rerank`: what is relevant is said by a word that texts hold. */
export class FakeReranker {
  readonly requests: RerankBody[] = [];
  readonly apiKey = 'pa-test-rerank-key';
  /** By a word of a document, how relevant it is. */
  relevance: [word: string, score: number][] = [];
  private readonly script: Reply[] = [];
  private readonly server: Server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { status, headers, body } = this.answer(request.url, request.headers.authorization, parts);
      response.writeHead(status ?? 200, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
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

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  /** For the next requests, one each. */
  enqueue(...replies: Reply[]): void {
    this.script.push(...replies);
  }

  private answer(url: string | undefined, authorization: string | undefined, parts: Buffer[]): Reply {
    if (url !== '/v1/rerank') return { status: 404, body: { detail: 'Not Found' } };
    if (authorization !== `Bearer ${this.apiKey}`)
      return { status: 401, body: { detail: `No such key: ${authorization}` } };
    const body = JSON.parse(Buffer.concat(parts).toString()) as RerankBody;
    this.requests.push(body);
    const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
    if (unknown !== undefined) return { status: 400, body: { detail: `Argument '${unknown}' is not supported` } };
    const { model, query, documents } = body;
    if (!model.startsWith('rerank-')) return { status: 400, body: { detail: `Model ${model} is not supported` } };
    if (query === '' || documents.length === 0 || documents.length > 1_000 || documents.includes(''))
      return { status: 400, body: { detail: 'No empty query or documents' } };
    return this.script.shift() ?? { body: this.ranked(body) };
  }

  private ranked({ query, documents, top_k: most = documents.length }: RerankBody): object {
    const data = documents.map((text, index) => {
      const score = this.relevance.find(([word]) => text.includes(word))?.[1] ?? 0.01;
      return { index, relevance_score: score };
    });
    data.sort((a, b) => b.relevance_score - a.relevance_score);
    const characters = documents.reduce((sum, text) => sum + text.length + query.length, 0);
    return { object: 'list', data: data.slice(0, most), usage: { total_tokens: Math.ceil(characters / 4) } };
  }
}
