import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface FakeTool {
  name: unknown;
  description?: unknown;
  inputSchema?: unknown;
  [more: string]: unknown;
}

interface Rpc {
  id?: number;
  method?: string;
  params?: Record<string, unknown>;
}

interface Heard {
  method: string;
  session: string | undefined;
  headers: IncomingMessage['headers'];
  params: Record<string, unknown>;
}

const says = (words: string) => ({ content: [{ type: 'text', text: words }] });
const MEGABYTE = 'x'.repeat(1024 * 1024);

/** An MCP server over HTTP that does what a test wants of it, right or wrong, and keeps what it heard. */
export class FakeMcp {
  readonly heard: Heard[] = [];
  tools: FakeTool[] = [{ name: 'echo', description: 'Says it again', inputSchema: { type: 'object' } }];
  pageSize = 1000;
  /** Requests of this method are never answered. */
  hangsOn: string | null = null;
  /** Leaves those who ask for its tools without an answer. */
  listsNothing = false;
  /** Answers every request so, before anything else. */
  refusal: { status: number; headers?: Record<string, string>; body?: string } | null = null;
  /** How often it was told what it asked, which it takes note of, and no more. */
  answers = 0;
  private readonly server: Server;
  private readonly streams = new Set<ServerResponse>();
  private readonly sockets = new Set<Socket>();
  private readonly sessions = new Set<string>();
  private made = 0;
  private port = 0;

  constructor() {
    this.server = createServer((request, response) => void this.serve(request, response));
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/mcp`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = (this.server.address() as AddressInfo).port;
    return this;
  }

  /** At once; `start` brings it back on the same port, with no memory of sessions. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    this.sessions.clear();
    await closed;
  }

  /** Keeps no process alive. */
  unref(): this {
    this.server.unref();
    return this;
  }

  /** How many connections were opened. */
  count(method: string): number {
    return this.heard.filter((heard) => heard.method === method).length;
  }

  toolsChanged(): void {
    for (const stream of this.streams)
      stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })}\n\n`);
  }

  get openSockets(): number {
    return this.sockets.size;
  }

  get listeners(): number {
    return this.streams.size;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (this.refusal) {
      const { status, headers, body } = this.refusal;
      response.writeHead(status, headers).end(body);
      return;
    }
    const session = request.headers['mcp-session-id'] as string | undefined;
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
      return;
    }
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { id, method, params = {} } = JSON.parse(body === '' ? '{"method":"delete"}' : body) as Rpc;
    if (method === undefined) {
      this.answers += 1;
      return;
    }
    this.heard.push({ method, session, headers: request.headers, params });
    if (method !== 'initialize' && (session === undefined || !this.sessions.has(session))) {
      response.writeHead(404).end('no such session');
      return;
    }
    if (id === undefined) {
      response.writeHead(202).end();
      return;
    }
    if (method === this.hangsOn) return;
    const answer = (result: object, headers: Record<string, string> = {}): void => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
    };
    if (method === 'initialize') {
      this.greet(answer, params);
      return;
    }
    if (method === 'tools/list') {
      if (this.listsNothing) return;
      this.list(answer, params);
      return;
    }
    if (method === 'tools/call') {
      this.call(String(params['name']), { request, response, id, params, answer });
      return;
    }
    answer({});
  }

  private greet(
    answer: (result: object, headers: Record<string, string>) => void,
    params: Record<string, unknown>,
  ): void {
    const session = `session-${++this.made}`;
    this.sessions.add(session);
    const serverInfo = { name: 'fake', version: '1.0.0' };
    const capabilities = { tools: { listChanged: true } };
    answer({ protocolVersion: params['protocolVersion'], capabilities, serverInfo }, { 'mcp-session-id': session });
  }

  private list(answer: (result: object) => void, { cursor }: Record<string, unknown>): void {
    const from = Number(cursor ?? 0);
    const next = from + this.pageSize;
    const nextCursor = next < this.tools.length ? { nextCursor: String(next) } : {};
    answer({ tools: this.tools.slice(from, next), ...nextCursor });
  }

  private call(name: string, { request, response, id, params, answer }: FakeCall): void {
    const events = (): void => void response.writeHead(200, { 'content-type': 'text/event-stream' });
    const event = (message: object): void =>
      void response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`);
    switch (name) {
      case 'headers': {
        answer(says(JSON.stringify(request.headers)));
        return;
      }
      case 'hang':
        return;
      case 'flood':
        response.writeHead(200, { 'content-type': 'application/json' });
        {
          pour(response, 50);
          return;
        }
      case 'stream':
        events();
        response.write('data: ');
        {
          pour(response, 50);
          return;
        }
      case 'garbage':
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"this is": not JSON');
        return;
      case 'nonsense':
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"almost": "JSON-RPC"}');
        return;
      case 'page':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Welcome</h1>');
        return;
      case 'events':
        events();
        response.end('data: not JSON\n\n');
        return;
      case 'die':
        request.socket.destroy();
        return;
      case 'break':
        events();
        event({ method: 'notifications/message', params: { level: 'info', data: 'soon' } });
        setTimeout(() => request.socket.destroy(), 50);
        return;
      case 'end':
        events();
        response.end();
        return;
      case 'refuse':
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32602, message: 'No such thing' } }));
        return;
      case 'fail': {
        answer({ ...says('It did not work'), isError: true });
        return;
      }
      case 'ask': {
        // As often as it is wanted to, all at once.
        events();
        const { times } = params['arguments'] as { times: number };
        for (let n = 0; n < times; n++) event({ id: `ping-${n}`, method: 'ping' });
        return;
      }
      case 'late':
        setTimeout(() => answer(says('It is done')), 2_000);
        return;
      case 'slow': {
        // Longer than its time-out, and telling so all the while.
        events();
        const { progressToken } = params['_meta'] as { progressToken: number };
        let progress = 0;
        const timer = setInterval(() => {
          progress += 1;
          if (progress < 8) event({ method: 'notifications/progress', params: { progressToken, progress, total: 8 } });
          else {
            clearInterval(timer);
            event({ id, result: says('At last') });
            response.end();
          }
        }, 100);
        return;
      }
      case 'gossip': {
        // All that is wrong with progress, first with its number alone.
        events();
        const { progressToken } = params['_meta'] as { progressToken: number };
        const key = String(request.headers['x-key']);
        const message = `${key} ${key.slice(0, 5)}\u0000${key.slice(5)} \ud83d ${'x'.repeat(100_000)}`;
        const told = { method: 'notifications/progress', params: { progressToken, progress: 1, total: 2, message } };
        response.write(
          `data: ${JSON.stringify({ jsonrpc: '2.0', ...told }).replace('"progress":1', '"progress":1e999')}\n\n`,
        );
        event(told);
        event({ id, result: says('Psst') });
        response.end();
        return;
      }
      default: {
        answer(says(`${name}: ${JSON.stringify(params['arguments'])}`));
        return;
      }
    }
  }
}

interface FakeCall {
  request: IncomingMessage;
  response: ServerResponse;
  id: number;
  params: Record<string, unknown>;
  answer: (result: object) => void;
}

function pour(response: ServerResponse, megabytes: number): void {
  if (megabytes === 0 || response.destroyed) return void response.end();
  response.write(MEGABYTE, () => pour(response, megabytes - 1));
}
