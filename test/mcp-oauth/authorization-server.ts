import { createHash, randomUUID } from 'node:crypto';

/** What a token is good for. */
export interface Access {
  person: string;
  scopes: string[];
  resource: string;
}

interface Code extends Access {
  clientId: string;
  redirectUri: string;
  challenge: string;
}

interface Refresh extends Access {
  clientId: string;
  family: string;
}

export type Reply = { status: number; body?: unknown; location?: string };

/**
 * An authorization server that looks at everything it is sent: PKCE, redirect URIs, clients, resources. Refresh tokens
 * rotate, and one that comes twice ends its family. Whoever is sent there is `person`, and consents.
 */
export class AuthorizationServer {
  person = 'alice';
  expiresIn = 3600;
  scopesOfResource: string[] | undefined = ['read'];
  /** RFC 9207: said to be sent, and sent. */
  iss: { announced: boolean; sent: string | null } = { announced: false, sent: null };
  /** Takes addresses of metadata for names of clients. */
  readsClientMetadata = false;
  refuses: 'consent' | 'refresh' | null = null;
  /** So often each was asked. */
  readonly asked = { register: 0, token: 0, refresh: 0, revoke: 0 };
  readonly revoked: string[] = [];
  /** Every secret it has ever given or was given. */
  readonly secrets = new Set<string>();
  private readonly clients = new Map<string, { secret: string; redirectUris: string[] }>();
  private readonly codes = new Map<string, Code>();
  private readonly accesses = new Map<string, Access>();
  private readonly refreshes = new Map<string, Refresh>();
  private readonly spent = new Map<string, string>();

  constructor(readonly issuer: () => string) {}

  metadata(): object {
    const url = this.issuer();
    return {
      issuer: url,
      authorization_endpoint: `${url}/authorize`,
      token_endpoint: `${url}/token`,
      registration_endpoint: `${url}/register`,
      revocation_endpoint: `${url}/revoke`,
      response_types_supported: ['code'],
      grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
      ...(this.readsClientMetadata && { client_id_metadata_document_supported: true }),
      ...(this.iss.announced && { authorization_response_iss_parameter_supported: true }),
    };
  }

  accessOf(token: string): Access | undefined {
    return this.accesses.get(token);
  }

  /** So many tokens can be used. */
  get living(): number {
    return this.accesses.size + this.refreshes.size;
  }

  /** As when it forgets them, or ends them early. */
  endAccessTokens(): void {
    this.accesses.clear();
  }

  /** A client that somebody registered by hand. */
  addClient(clientId: string, secret: string): void {
    this.clients.set(clientId, {
      secret: this.secret(secret),
      redirectUris: ['http://localhost:3000/api/v1/mcp/oauth/callback'],
    });
  }

  register(body: { redirect_uris: string[] }): Reply {
    this.asked.register += 1;
    const clientId = randomUUID();
    const secret = this.secret(`client-secret-${randomUUID()}`);
    this.clients.set(clientId, { secret, redirectUris: body.redirect_uris });
    return { status: 201, body: { ...body, client_id: clientId, client_secret: secret } };
  }

  authorize(query: URLSearchParams): Reply {
    const [clientId, redirectUri] = [query.get('client_id') ?? '', query.get('redirect_uri') ?? ''];
    if (!this.clients.get(clientId)?.redirectUris.includes(redirectUri)) return { status: 400 };
    if (query.get('code_challenge_method') !== 'S256' || query.get('response_type') !== 'code') return { status: 400 };
    const location = new URL(redirectUri);
    location.searchParams.set('state', query.get('state') ?? '');
    this.secret(query.get('state') ?? '');
    if (this.iss.sent !== null) location.searchParams.set('iss', this.iss.sent);
    if (this.refuses === 'consent') {
      location.searchParams.set('error', 'access_denied');
      location.searchParams.set('error_description', '<script>alert(1)</script>');
      return { status: 302, location: location.href };
    }
    const code = this.secret(`code-${randomUUID()}`);
    this.codes.set(code, {
      ...{ person: this.person, scopes: (query.get('scope') ?? '').split(' '), resource: query.get('resource') ?? '' },
      ...{ clientId, redirectUri, challenge: query.get('code_challenge') ?? '' },
    });
    location.searchParams.set('code', code);
    // As some do.
    location.searchParams.set('session_state', 'whatever');
    return { status: 302, location: location.href };
  }

  token(body: URLSearchParams, authorization: string | undefined): Reply {
    this.asked.token += 1;
    const clientId = this.clientOf(authorization);
    if (clientId === null) return refusal('invalid_client', 401);
    switch (body.get('grant_type')) {
      case 'authorization_code':
        return this.exchange(body, clientId);
      case 'refresh_token':
        return this.refresh(body, clientId);
      case 'client_credentials': {
        const scopes = (body.get('scope') ?? '').split(' ');
        return this.give({ person: clientId, scopes, resource: body.get('resource') ?? '' }, null);
      }
      default:
        return refusal('unsupported_grant_type');
    }
  }

  /** RFC 7009: what it does not know is revoked as well. */
  revoke(body: URLSearchParams, authorization: string | undefined): Reply {
    this.asked.revoke += 1;
    if (this.clientOf(authorization) === null) return refusal('invalid_client', 401);
    const token = body.get('token') ?? '';
    this.revoked.push(token);
    this.accesses.delete(token);
    this.refreshes.delete(token);
    return { status: 200 };
  }

  private exchange(body: URLSearchParams, clientId: string): Reply {
    const code = this.codes.get(body.get('code') ?? '');
    this.codes.delete(body.get('code') ?? '');
    const verifier = this.secret(body.get('code_verifier') ?? '');
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const fits =
      code?.clientId === clientId &&
      code.redirectUri === body.get('redirect_uri') &&
      code.challenge === challenge &&
      code.resource === body.get('resource');
    if (!code || !fits) return refusal('invalid_grant');
    const { person, scopes, resource } = code;
    return this.give({ person, scopes, resource }, { clientId, family: randomUUID() });
  }

  private refresh(body: URLSearchParams, clientId: string): Reply {
    this.asked.refresh += 1;
    const token = body.get('refresh_token') ?? '';
    const known = this.refreshes.get(token);
    const family = this.spent.get(token);
    if (family !== undefined)
      for (const [other, refresh] of this.refreshes) if (refresh.family === family) this.refreshes.delete(other);
    if (known?.clientId !== clientId || this.refuses === 'refresh') return refusal('invalid_grant');
    this.refreshes.delete(token);
    this.spent.set(token, known.family);
    return this.give(known, known);
  }

  private give({ person, scopes, resource }: Access, kept: Pick<Refresh, 'clientId' | 'family'> | null): Reply {
    const access = this.secret(`access-${randomUUID()}`);
    this.accesses.set(access, { person, scopes, resource });
    const refresh = this.secret(`refresh-${randomUUID()}`);
    if (kept) this.refreshes.set(refresh, { person, scopes, resource, clientId: kept.clientId, family: kept.family });
    const given = { access_token: access, token_type: 'Bearer', expires_in: this.expiresIn, scope: scopes.join(' ') };
    return { status: 200, body: { ...given, ...(kept && { refresh_token: refresh }) } };
  }

  private clientOf(authorization: string | undefined): string | null {
    const [id = '', secret] = Buffer.from(authorization?.replace(/^Basic /, '') ?? '', 'base64')
      .toString()
      .split(':');
    return this.clients.get(id)?.secret === secret ? id : null;
  }

  private secret(text: string): string {
    this.secrets.add(text);
    return text;
  }
}

function refusal(error: string, status = 400): Reply {
  return { status, body: { error, error_description: 'You sent me something secret' } };
}
