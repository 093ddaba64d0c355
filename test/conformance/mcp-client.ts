/**
 * The client that the conformance suite of MCP tries: it hands the address of a server over as the last argument, and
 * the scenario's name in the environment. It is Atrium's own client, with the grant in memory and a person who consents
 * to everything.
 */
import { randomBytes } from 'node:crypto';
import { openConnection } from '../../src/modules/mcp/client/open-connection.js';
import type { McpConnection } from '../../src/modules/mcp/client/mcp-connection.js';
import { authorizedFetch } from '../../src/modules/mcp/oauth/authorized-fetch.js';
import {
  beginAuthorization,
  completeAuthorization,
  requestMachineAccess,
} from '../../src/modules/mcp/oauth/authorization.js';
import { findAuthorizationServer } from '../../src/modules/mcp/oauth/authorization-server.js';
import { provokeChallenge } from '../../src/modules/mcp/oauth/challenge.js';
import type { OAuthClient } from '../../src/modules/mcp/oauth/oauth-client.js';
import { requestTokens } from '../../src/modules/mcp/oauth/token-requests.js';
import { GrantTokens } from '../../src/modules/mcp/oauth/grant-tokens.js';
import { AddressRules } from '../../src/platform/egress/address-rules.js';
import { GuardedFetch } from '../../src/platform/egress/guarded-fetch.js';
import { GuardedNames } from '../../src/platform/egress/guarded-names.js';
import { consentAt } from './consenting-person.js';
import { crossAppGrant, type CrossAppContext } from './cross-app-grant.js';
import { RememberedGrant } from './remembered-grant.js';

interface Context extends CrossAppContext {
  client_id?: string;
  client_secret?: string;
  private_key_pem?: string;
  signing_algorithm?: string;
}

const BOUNDS = { timeoutMs: 10_000 };
/** Once to connect, once for each scope that is wanted on the way. */
const CONSENTS = 3;

const scenario = process.env['MCP_CONFORMANCE_SCENARIO'] ?? '';
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context;
const serverUrl = new URL(process.argv.at(-1) ?? '');

const rules = new AddressRules((process.env['EGRESS_ALLOW'] ?? '').split(',').filter((network) => network !== ''));
const outside = new GuardedFetch(rules, new GuardedNames(rules));
const toServer = outside.with({ headersTimeoutMs: null, maxBytes: null });

class NotConnected extends Error {}

/** Uses the server as a conversation would: every tool once. */
async function use(connection: McpConnection): Promise<void> {
  const { items } = await connection.toolsPage(undefined, BOUNDS);
  for (const { name } of items as { name: string }[]) await connection.callTool(name, { a: 2, b: 3 }, BOUNDS);
}

async function open(fetch: typeof toServer): Promise<McpConnection> {
  return openConnection(
    { kind: 'http', serverName: 'conformance', url: serverUrl.href, headers: {}, fetch },
    {
      timeoutMs: BOUNDS.timeoutMs,
      elicitation: scenario.startsWith('elicitation') ? 'defaults' : 'refuse',
      onToolsChanged: () => undefined,
      onClosed: () => undefined,
    },
  );
}

async function attempt(fetch: typeof toServer): Promise<void> {
  const connection = await open(fetch);
  try {
    await use(connection);
  } finally {
    await connection.close();
  }
}

const grant = new RememberedGrant(givenClient());

function givenClient(): OAuthClient | null {
  const { client_id, client_secret, private_key_pem: key, signing_algorithm: algorithm } = context;
  if (client_id === undefined) return null;
  const isMachine = scenario.startsWith('auth/client-credentials') || scenario.startsWith('auth/cross-app-access');
  return { client_id, client_secret, isMachine, ...(key && algorithm && { signing: { key, algorithm } }) };
}

/** Without a person: for itself, or for somebody whom an identity provider vouches for. */
async function connectMachine(client: OAuthClient): Promise<void> {
  const challenge = await provokeChallenge(serverUrl, 'http', toServer);
  const server = await findAuthorizationServer(serverUrl, challenge, outside.fetch);
  if (scenario.startsWith('auth/cross-app-access')) {
    const asked = await crossAppGrant(context, server, outside.fetch);
    grant.put({ server, client }, await requestTokens({ server, client }, asked, outside.fetch), null);
    return;
  }
  const { issuer } = server;
  const request = { serverUrl, transport: 'http', toServer, fetchFn: outside.fetch } as const;
  const access = await requestMachineAccess({ ...request, issuer, client });
  grant.put(access.grant, access.tokens, access.scope);
}

async function connect(): Promise<void> {
  const state = randomBytes(32).toString('base64url');
  const before = await grant.read();
  const { authorizationUrl, pending } = await beginAuthorization({
    serverUrl,
    transport: 'http',
    identity: {
      redirectUri: 'http://localhost:3000/api/v1/mcp/oauth/callback',
      metadataUrl: 'https://conformance-test.local/client-metadata.json',
    },
    clients: grant,
    state,
    scope: [before?.scope, grant.wanted].filter((scope) => scope != null).join(' '),
    toServer,
    fetchFn: outside.fetch,
  });
  const answer = await consentAt(authorizationUrl, state);
  grant.put(pending, await completeAuthorization(pending, answer, outside.fetch), pending.scope);
}

async function converse(): Promise<void> {
  const client = givenClient();
  const machine = client?.isMachine === true ? client : null;
  const tokens = new GrantTokens(grant, 'conformance', outside.fetch);
  const { fetch } = authorizedFetch(toServer, serverUrl, tokens, () => new NotConnected());
  for (let consents = 0; ; consents++) {
    try {
      await attempt(fetch);
      return;
    } catch (error) {
      if (!isNotConnected(error) || consents === CONSENTS) throw error;
      await (machine ? connectMachine(machine) : connect());
    }
  }
}

function isNotConnected(error: unknown): boolean {
  return error instanceof NotConnected || (error instanceof Error && isNotConnected(error.cause));
}

await (scenario.startsWith('auth/') ? converse() : attempt(toServer));
await outside.onApplicationShutdown();
