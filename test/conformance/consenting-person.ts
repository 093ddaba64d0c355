import type { AuthorizationAnswer } from '../../src/modules/mcp/oauth/authorization.js';

/** Goes to the address in a browser that is sent back at once. */
export async function consentAt(authorizationUrl: URL, state: string): Promise<AuthorizationAnswer> {
  const response = await fetch(authorizationUrl, { redirect: 'manual' });
  const { searchParams } = new URL(response.headers.get('location') ?? '');
  if (searchParams.get('state') !== state) throw new Error('The state did not come back');
  return {
    code: searchParams.get('code') ?? undefined,
    error: searchParams.get('error') ?? undefined,
    iss: searchParams.get('iss') ?? undefined,
  };
}
