import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { ClientStore } from '../../src/modules/mcp/oauth/client-registration.js';
import type { OAuthClient } from '../../src/modules/mcp/oauth/oauth-client.js';
import { timesOf, tokensOf, type Grant } from '../../src/modules/mcp/oauth/grant.js';
import type { GrantStore, KeptGrant } from '../../src/modules/mcp/oauth/kept-grant.js';

/** One grant and its clients, in memory: what the rows are to the application. */
export class RememberedGrant implements GrantStore, ClientStore {
  wanted: string | null = null;
  private grant: KeptGrant | null = null;
  private readonly clients = new Map<string, OAuthClient>();

  constructor(private readonly given: OAuthClient | null) {}

  put({ server, client }: Omit<Grant, 'tokens'>, tokens: OAuthTokens, scope: string | null): void {
    const revision = (this.grant?.revision ?? 0) + 1;
    this.grant = { server, client, scope, revision, tokens: tokensOf(tokens), ...timesOf(tokens) };
    this.wanted = null;
  }

  async read(): Promise<KeptGrant | null> {
    return this.grant;
  }

  async claim({ revision }: KeptGrant): Promise<number | null> {
    return revision;
  }

  async renew(_claim: number, grant: KeptGrant, tokens: OAuthTokens): Promise<boolean> {
    this.put(grant, tokens, grant.scope);
    return true;
  }

  async release(): Promise<void> {
    // Nobody else waits for it.
  }

  async end(): Promise<void> {
    this.grant = null;
  }

  async want(scope: string): Promise<void> {
    this.wanted = scope;
  }

  async find(issuer: string): Promise<OAuthClient | null> {
    return this.given ?? this.clients.get(issuer) ?? null;
  }

  async save(issuer: string, client: OAuthClient): Promise<void> {
    this.clients.set(issuer, client);
  }
}
