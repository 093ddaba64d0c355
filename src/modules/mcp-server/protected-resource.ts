import type { Request } from 'express';
import type { Settings } from '../../platform/config/settings.js';

export const METADATA_PATH = '.well-known/oauth-protected-resource';

/** Where clients reach us: as the operator says, else as they did. */
export function baseUrl(request: Request, { publicUrl, port }: Settings['http']): string {
  if (publicUrl !== `http://localhost:${port}`) return publicUrl;
  return URL.parse(`${request.protocol}://${request.host}`)?.origin ?? publicUrl;
}

/** What a client without a credential is told, so that it knows where it can read more (RFC 9728). */
export function challenge(request: Request, settings: Settings['http']): string {
  return `Bearer resource_metadata="${baseUrl(request, settings)}/${METADATA_PATH}/mcp"`;
}
