import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { FetchLike } from '@modelcontextprotocol/sdk/shared/transport.js';
import { Logger } from '@nestjs/common';
import { McpServerSilent } from '../mcp-errors.js';
import { StdioTransport } from '../stdio/stdio.transport.js';
import { failureOf } from './failure-of.js';
import { McpConnection, type FaultyTransport } from './mcp-connection.js';
import { newMcpClient } from './new-mcp-client.js';
import { WatchedTransport } from './watched.transport.js';
import { secretsOf } from './without-secrets.js';

interface RemoteTarget {
  kind: 'http' | 'sse';
  serverName: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  fetch: FetchLike;
  /** What must not come back in answers, besides the headers' values: what the fetch adds. */
  secrets?: (() => readonly string[]) | undefined;
}

interface StdioTarget {
  kind: 'stdio';
  serverName: string;
  program: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  memoryMb: number;
}

export type McpTarget = RemoteTarget | StdioTarget;

interface OpeningHooks {
  timeoutMs: number;
  elicitation?: 'refuse' | 'defaults';
  onToolsChanged: () => void;
  onClosed: () => void;
}

const logger = new Logger('Mcp');

/** Connects and says hello. This file and what it imports is loaded with the first use, for the SDK is large. */
export async function openConnection(target: McpTarget, hooks: OpeningHooks): Promise<McpConnection> {
  const { timeoutMs, onToolsChanged, onClosed, elicitation } = hooks;
  const { serverName } = target;
  const transport = transportTo(target);
  const client = newMcpClient({ onToolsChanged, elicitation });
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new McpServerSilent(serverName, timeoutMs, false)), timeoutMs);
  const connecting = client.connect(transport, { timeout: timeoutMs });
  connecting.catch(() => undefined);
  try {
    await Promise.race([connecting, late.promise]);
  } catch (error) {
    await transport.close().catch(() => undefined);
    tellComplaint(transport, serverName);
    throw failureOf(transport.fault ?? error, { serverName, timeoutMs, hasSession: false });
  } finally {
    clearTimeout(timer);
  }
  client.onclose = () => {
    if (transport.fault) tellComplaint(transport, serverName);
    onClosed();
  };
  return new McpConnection({
    serverName,
    client,
    transport,
    secrets: secretsOfTarget(target),
  });
}

function transportTo(target: McpTarget): FaultyTransport {
  if (target.kind === 'stdio') return new StdioTransport(target);
  const { kind, serverName, headers } = target;
  const url = new URL(target.url);
  return new WatchedTransport({
    serverName,
    fetch: target.fetch,
    isOneStream: kind === 'sse',
    make: (fetch) => {
      const options = { fetch, requestInit: { headers: { ...headers } } };
      // eslint-disable-next-line @typescript-eslint/no-deprecated -- there are servers that speak nothing newer
      return kind === 'sse' ? new SSEClientTransport(url, options) : new StreamableHTTPClientTransport(url, options);
    },
  });
}

function secretsOfTarget(target: McpTarget): () => readonly string[] {
  if (target.kind === 'stdio') return () => [];
  const ofHeaders = secretsOf(target.headers);
  return () => [...ofHeaders, ...(target.secrets?.() ?? [])];
}

/** For the operator, who wrote the command. */
function tellComplaint(transport: FaultyTransport, serverName: string): void {
  if (!(transport instanceof StdioTransport) || transport.complaint === '') return;
  logger.warn({ server: serverName, stderr: transport.complaint }, 'An MCP server of a command failed');
}
