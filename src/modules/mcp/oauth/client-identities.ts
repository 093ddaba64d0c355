import { isIP } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { OAuthClientMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';
import { Settings } from '../../../platform/config/settings.js';
import { clientMetadata, type ClientIdentity } from './oauth-client.js';

const PATH = '/api/v1/mcp/oauth';

/** Where Atrium is to be found, which tells authorization servers who asks and where to send people back to. */
@Injectable()
export class ClientIdentities {
  readonly own: ClientIdentity;

  constructor({ http: { publicUrl } }: Settings) {
    const metadataUrl = isReachable(publicUrl) ? `${publicUrl}${PATH}/client-metadata` : null;
    this.own = { redirectUri: `${publicUrl}${PATH}/callback`, metadataUrl };
  }

  /** As an authorization server reads it that knows clients by such addresses. */
  metadata(): OAuthClientMetadata & { client_id: string } {
    const client_id = this.own.metadataUrl ?? this.own.redirectUri;
    return { client_id, token_endpoint_auth_method: 'none', ...clientMetadata(this.own) };
  }
}

/** An address that others could read something at, as far as it can be told from here. */
function isReachable(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl);
  return protocol === 'https:' && hostname.includes('.') && isIP(hostname) === 0;
}
