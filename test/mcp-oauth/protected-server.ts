import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { AuthorizationServer, type Reply } from './authorization-server.js';

interface Asked {
  id?: number;
  method: string;
  params?: { uri?: string; name?: string; arguments?: { query?: string } };
}

const SEARCH = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] };

/**
 * An MCP server that only answers those whom its authorization server knows, both at one address. It has two resources:
 * `who://me` tells who the token is of, `who://admin` as well, to those with the scope `admin`; and two tools, `search`
 * and, for that scope, `audit`.
 */
export class ProtectedServer {
  readonly issuer = new AuthorizationServer(() => this.origin);
  /** What it says of itself; a hostile one says something else. */
  resourceMetadata: Record<string, unknown> = {};
  /** So often it had no use for a token. */
  refused = 0;
  tools = ['search', 'audit'];
  /** Calls of tools that it carried out, with whose token. */
  readonly called: { tool: string; person: string }[] = [];
  /** Once, after the next of them. */
  afterCall: (() => void) | null = null;
  /** Has happened before it gives tokens. */
  beforeTokens: (() => Promise<unknown>) | null = null;
  /** Answers with the token that it was sent. */
  repeatsToken = false;
  /** Of this path the answer comes byte by byte, and never whole. */
  drips: string | null = null;
  private readonly http: Server = createServer((request, response) => void this.serve(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  get url(): string {
    return `${this.origin}/mcp`;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === this.drips) {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 200);
      response.on('close', () => clearInterval(drip));
      return;
    }
    const { status, body, location, headers } = await this.answer(request);
    response.writeHead(status, {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(location !== undefined && { location }),
      ...headers,
    });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  private async answer(request: IncomingMessage): Promise<Reply & { headers?: Record<string, string> }> {
    const { pathname, searchParams } = new URL(request.url ?? '', this.origin);
    const { authorization } = request.headers;
    const sent = await text(request);
    switch (`${request.method} ${pathname}`) {
      case 'GET /.well-known/oauth-protected-resource/mcp':
        return { status: 200, body: this.aboutItself() };
      case 'GET /.well-known/oauth-authorization-server':
        return { status: 200, body: this.issuer.metadata() };
      case 'POST /register':
        return this.issuer.register(JSON.parse(sent) as { redirect_uris: string[] });
      case 'GET /authorize':
        return this.issuer.authorize(searchParams);
      case 'POST /token':
        await this.beforeTokens?.();
        return this.issuer.token(new URLSearchParams(sent), authorization);
      case 'POST /revoke':
        return this.issuer.revoke(new URLSearchParams(sent), authorization);
      case 'POST /mcp':
        return this.speak(JSON.parse(sent) as Asked, authorization?.replace(/^Bearer /, '') ?? '');
      default:
        return { status: pathname === '/mcp' ? 405 : 404 };
    }
  }

  private aboutItself(): object {
    return {
      resource: this.url,
      authorization_servers: [this.origin],
      scopes_supported: this.issuer.scopesOfResource,
      ...this.resourceMetadata,
    };
  }

  private speak(asked: Asked, token: string): Reply & { headers?: Record<string, string> } {
    const access = this.issuer.accessOf(token);
    if (access?.resource !== this.url) {
      this.refused += 1;
      const metadata = `${this.origin}/.well-known/oauth-protected-resource/mcp`;
      return { status: 401, headers: { 'www-authenticate': `Bearer resource_metadata="${metadata}"` } };
    }
    const isForAdmins = asked.params?.uri === 'who://admin' || asked.params?.name === 'audit';
    if (isForAdmins && !access.scopes.includes('admin')) {
      return { status: 403, headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="admin"' } };
    }
    if (asked.id === undefined) return { status: 202 };
    const result =
      asked.method === 'tools/call'
        ? this.call(asked, access.person)
        : this.resultOf(asked, this.repeatsToken ? `${access.person} ${token}` : access.person);
    return { status: 200, body: { jsonrpc: '2.0', id: asked.id, result } };
  }

  private call({ params }: Asked, person: string): object {
    const { name: tool = '', arguments: { query = '' } = {} } = params ?? {};
    this.called.push({ tool, person });
    this.afterCall?.();
    this.afterCall = null;
    return { content: [{ type: 'text', text: `${person} found ${query}` }] };
  }

  private resultOf({ method, params }: Asked, text: string): object {
    switch (method) {
      case 'initialize': {
        const serverInfo = { name: 'protected', version: '1.0.0' };
        return { protocolVersion: '2025-11-25', capabilities: { resources: {}, tools: {} }, serverInfo };
      }
      case 'resources/read':
        return { contents: [{ uri: params?.uri, mimeType: 'text/plain', text }] };
      case 'resources/list':
        return { resources: [] };
      case 'resources/templates/list':
        return { resourceTemplates: [] };
      case 'tools/list':
        return { tools: this.tools.map((name) => ({ name, inputSchema: SEARCH })) };
      default:
        return {};
    }
  }
}
