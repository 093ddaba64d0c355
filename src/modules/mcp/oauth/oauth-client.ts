import type { OAuthClientInformationMixed, OAuthClientMetadata } from '@modelcontextprotocol/sdk/shared/auth.js';

/** By what Atrium is known to an authorization server. */
export type OAuthClient = OAuthClientInformationMixed & {
  /** Signs what proves who we are, in the place of a secret. */
  readonly signing?: { readonly key: string; readonly algorithm: string };
  /** Gets access for itself: there is no person to ask. */
  readonly isMachine?: boolean;
};

export interface ClientIdentity {
  readonly redirectUri: string;
  /** An `https` address at which our metadata can be read, which then is our name; null where there is none. */
  readonly metadataUrl: string | null;
}

export function clientMetadata({ redirectUri }: ClientIdentity): OAuthClientMetadata {
  return {
    client_name: 'Atrium',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
  };
}
