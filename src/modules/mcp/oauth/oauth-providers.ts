import { McpCredentials } from '../mcp-credentials.js';
import { ClientIdentities } from './client-identities.js';
import { GivenClients } from './given-clients.service.js';
import { GrantRevocation } from './grant-revocation.service.js';
import { McpGrants } from './mcp-grants.service.js';
import { OAuthClientsRepository } from './oauth-clients.repository.js';
import { OAuthConnections } from './oauth-connections.service.js';
import { OAuthFlowsRepository } from './oauth-flows.repository.js';
import { OAuthGrantsRepository } from './oauth-grants.repository.js';

/** The part of the module that is about OAuth. */
export const OAUTH_PROVIDERS = [
  McpGrants,
  { provide: McpCredentials, useExisting: McpGrants },
  OAuthConnections,
  GivenClients,
  GrantRevocation,
  ClientIdentities,
  OAuthClientsRepository,
  OAuthFlowsRepository,
  OAuthGrantsRepository,
];
