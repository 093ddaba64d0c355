import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultReply } from './default-reply.js';
import type { MessagesRequest } from './messages-api.js';
import { errorTypeOf, failing, type ErrorReply, type Reply } from './reply.js';
import { Signatures } from './signatures.js';
import { StreamWriter } from './stream-writer.js';
import { faultOfLength } from './validate-length.js';
import { faultOf } from './validate-request.js';

export interface RecordedRequest {
  headers: IncomingHttpHeaders;
  body: MessagesRequest;
  /** What it was answered with; 0 when it got no answer. */
  status: number;
  /** The client went away before the answer was complete. */
  aborted: boolean;
}

const LONGEST_PROMPT = 1_000_000;

/**
 * An HTTP server that speaks Anthropic's Messages API: it refuses what the real one refuses, in its words, streams as it
 * streams, and answers by script. Requests refused as invalid use up no scripted reply.
 */
export class FakeAnthropic {
  /** Every request to `/v1/messages`, refused ones too, in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  /** What answers when no scripted reply is left. */
  respond: (request: MessagesRequest, call: number) => Reply = defaultReply;
  /** Null accepts any key. */
  apiKey: string | null = null;
  /** Tokens of the longest prompt that a model takes. */
  windowOf: (model: string) => number = () => LONGEST_PROMPT;
  private readonly script: Reply[] = [];
  private readonly signatures = new Signatures();
  private readonly server: Server;

  constructor() {
    this.server = createServer((request, response) => {
      this.handle(request, response).catch((error: unknown) => response.destroy(error as Error));
    });
    // Its clients keep connections; a test that ends must not wait for them.
    this.server.keepAliveTimeout = 5000;
  }

  async start(port = 0): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', resolve);
    });
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get calls(): number {
    return this.requests.length;
  }

  /** Replies for the next requests, one each. */
  enqueue(...replies: Reply[]): this {
    this.script.push(...replies);
    return this;
  }

  /** Forgets requests, script and key, not signatures: conversations may go on. */
  reset(): void {
    this.requests.length = 0;
    this.script.length = 0;
    this.apiKey = null;
    this.respond = defaultReply;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readBody(request);
    if (request.method !== 'POST' || request.url?.split('?')[0] !== '/v1/messages') {
      sendError(response, failing(404, {}, 'Not found'));
      return;
    }
    let body: MessagesRequest;
    try {
      body = JSON.parse(text) as MessagesRequest;
    } catch {
      sendError(response, failing(400, {}, 'The request body is not valid JSON'));
      return;
    }
    const record: RecordedRequest = { headers: request.headers, body, status: 0, aborted: false };
    this.requests.push(record);
    response.once('close', () => {
      record.aborted = !response.writableFinished;
    });
    await this.answer(this.refusal(record) ?? this.script.shift() ?? this.respond(body, this.calls), record, response);
  }

  private refusal({ headers, body }: RecordedRequest): ErrorReply | undefined {
    const key = headers['x-api-key'] ?? headers.authorization?.replace(/^Bearer /, '');
    if (!key) return failing(401, {}, 'x-api-key header is required');
    if (this.apiKey !== null && key !== this.apiKey) return failing(401, {}, 'invalid x-api-key');
    const fault =
      faultOf(body, headers['anthropic-version']?.toString()) ??
      this.signatures.faultOf(body) ??
      faultOfLength(body, this.windowOf(body.model)) ??
      (body.stream ? undefined : 'stream: only streams are served here');
    if (fault) return failing(400, {}, fault);
    return body.model.startsWith('claude-') ? undefined : failing(404, {}, `model: ${body.model}`);
  }

  private async answer(reply: Reply, record: RecordedRequest, response: ServerResponse): Promise<void> {
    if ('silent' in reply) return;
    if ('dropped' in reply) {
      response.destroy();
      return;
    }
    if (reply.delayMs) await sleep(reply.delayMs);
    if (response.destroyed) return;
    if ('status' in reply) {
      record.status = reply.status;
      sendError(response, reply);
      return;
    }
    record.status = 200;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'request-id': requestId(),
    });
    await new StreamWriter(response, record.body, this.signatures).write(reply);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function sendError(response: ServerResponse, reply: ErrorReply): void {
  const type = reply.type ?? errorTypeOf(reply.status);
  const id = requestId();
  response.writeHead(reply.status, { 'content-type': 'application/json', 'request-id': id, ...reply.headers });
  response.end(
    JSON.stringify({ type: 'error', error: { type, message: reply.message ?? `fake ${type}` }, request_id: id }),
  );
}

function requestId(): string {
  return `req_${randomUUID().replaceAll('-', '').slice(0, 24)}`;
}
