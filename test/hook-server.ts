import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HookRequest {
  path: string;
  headers: IncomingHttpHeaders;
  raw: string;
  body: Record<string, unknown>;
}

/** What a hook answers: a status and a body, or nothing at all. */
export type HookAnswer = { status?: number; body?: unknown; text?: string; headers?: Record<string, string> } | 'never';

/** A tenant's own server, that hooks lead to. */
export class HookServer {
  readonly requests: HookRequest[] = [];
  answer: (request: HookRequest) => HookAnswer = () => ({ status: 204 });
  private server: Server;

  async start(address = '127.0.0.1'): Promise<this> {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const raw = Buffer.concat(chunks).toString();
        const body = raw === '' ? {} : (JSON.parse(raw) as Record<string, unknown>);
        const got = { path: request.url ?? '', headers: request.headers, raw, body };
        this.requests.push(got);
        const answer = this.answer(got);
        if (answer === 'never') return;
        const { status = 200, body: said, text, headers = {} } = answer;
        response.writeHead(status, headers).end(text ?? (said === undefined ? undefined : JSON.stringify(said)));
      });
    });
    await new Promise<void>((resolve) => this.server.listen(0, address, resolve));
    return this;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What came to a path, in order. */
  at(path: string): HookRequest[] {
    return this.requests.filter((request) => request.path === path);
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** As a receiver checks it by the published scheme. */
export function isSigned({ headers, raw }: HookRequest, secret: string): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': given } = headers;
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const wanted = createHmac('sha256', key)
    .update(`${String(id)}.${String(at)}.${raw}`)
    .digest('base64');
  return given === `v1,${wanted}` && Math.abs(Date.now() / 1000 - Number(at)) < 300;
}
