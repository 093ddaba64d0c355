import { Client, type Answer, type Call } from '../client.js';
import type { ProtectedServer } from './protected-server.js';

/** What people do to connect their accounts with an MCP server, in a browser that never follows to our own address. */
export class Accounts {
  constructor(
    private readonly url: string,
    private readonly upstream: ProtectedServer,
  ) {}

  async serverWith(as: Client, identity: 'tenant' | 'user'): Promise<string> {
    const body = { name: 'protected', transport: 'http', url: this.upstream.url, oauth: { identity } };
    return (await as.post('/mcp/servers', body).expect(201)).json<{ id: string }>().id;
  }

  async start(as: Client, id: string): Promise<URL> {
    const answer = await as.post(`/mcp/servers/${id}/oauth/start`).expect(200);
    return new URL(answer.json<{ authorizationUrl: string }>().authorizationUrl);
  }

  /** Where the authorization server sends the browser of `person`, below our own address. */
  async consent(authorizationUrl: URL, person: string): Promise<string> {
    this.upstream.issuer.person = person;
    const { headers } = await fetch(authorizationUrl, { redirect: 'manual' });
    const { pathname, search } = new URL(headers.get('location') ?? '');
    if (pathname !== '/api/v1/mcp/oauth/callback') throw new Error(`The browser was sent to ${pathname}`);
    return `/mcp/oauth/callback${search}`;
  }

  browser(path: string, headers: Record<string, string> = {}): Call {
    return new Client(this.url).get(path, headers);
  }

  async connect(as: Client, id: string, person: string): Promise<Answer> {
    return this.browser(await this.consent(await this.start(as, id), person)).expect(200);
  }
}

export function ask(as: Client, id: string, uri = 'who://me'): Call {
  return as.post(`/mcp/servers/${id}/resources/read`, { uri });
}

/** Whom the MCP server takes the caller for. */
export async function whoIs(as: Client, id: string, uri?: string): Promise<string | undefined> {
  const answer = await ask(as, id, uri).expect(200);
  return answer.json<{ contents: { text: string }[] }>().contents[0]?.text;
}
