import { IsIn, IsNotEmpty, IsOptional, IsString, IsUrl, MaxLength } from 'class-validator';

export class OAuthStartDto {
  /** To be opened in a browser within 10 minutes. */
  authorizationUrl: string;
}

export class OAuthStateDto {
  /** Null: the server has no OAuth. */
  identity: 'tenant' | 'user' | null;

  /** Of the tenant's account, or the caller's own; `missing` also where the server has wanted more than it gives. */
  state: 'notNeeded' | 'connected' | 'missing';
}

export class OAuthConnectedDto {
  serverId: string;
  serverName: string;
}

/** OAuth Client ID Metadata Document; its names are OAuth's. */
export class ClientMetadataDto {
  client_id: string;
  client_name: string;
  redirect_uris: string[];
  grant_types: string[];
  response_types: string[];
  token_endpoint_auth_method: string;
}

/** A client that somebody registered by hand with an authorization server. */
export class GiveOAuthClientDto {
  /** Of the authorization server: no other gets to see the client. */
  @IsUrl({ require_tld: false, protocols: ['http', 'https'], require_protocol: true })
  @MaxLength(2000)
  issuer: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(1000)
  clientId: string;

  /** Write-only. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(4000)
  clientSecret?: string | null;

  /** PKCS #8 in PEM, which signs in the place of a secret (`private_key_jwt`); write-only. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  @MaxLength(10_000)
  privateKey?: string | null;

  /** Of the private key; ES256 if left out. */
  @IsOptional()
  @IsIn(['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])
  signingAlgorithm?: string | null;

  /** `client_credentials`: access for itself, for identity `tenant`; a person is asked otherwise. */
  @IsOptional()
  @IsIn(['authorization_code', 'client_credentials'])
  grantType?: 'authorization_code' | 'client_credentials' | null;
}

export class OAuthClientDto {
  issuer: string;
  clientId: string;
  grantType: 'authorization_code' | 'client_credentials';
}

/** Where a person asks for the address at which they give access; by POST, as themselves. */
export function connectPath(serverId: string): string {
  return `/api/v1/mcp/servers/${serverId}/oauth/start`;
}
