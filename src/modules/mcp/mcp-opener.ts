import { Injectable } from '@nestjs/common';
import { GuardedFetch } from '../../platform/egress/guarded-fetch.js';
import type { McpConnection } from './client/mcp-connection.js';
import type { McpTarget } from './client/open-connection.js';
import { McpCredentials } from './mcp-credentials.js';
import { ServerNotStarted } from './mcp-errors.js';
import { McpFolders } from './mcp-folders.js';
import { McpHeaders } from './mcp-headers.js';
import type { McpServerEntity } from './mcp-server.entity.js';
import { argumentsOf, environmentOf, slotFault } from './stdio/command-line.js';
import { StdioCommands } from './stdio/stdio-commands.js';

const CONNECT_MS = 15_000;

interface OpeningHooks {
  onToolsChanged: () => void;
  onClosed: () => void;
}

/** From a server's row to a connection. */
@Injectable()
export class McpOpener {
  constructor(
    private readonly egress: GuardedFetch,
    private readonly headers: McpHeaders,
    private readonly credentials: McpCredentials,
    private readonly commands: StdioCommands,
    private readonly folders: McpFolders,
  ) {}

  /** Runs as the server's tenant. @throws McpServerFailed, McpServerSilent, AccountNotConnected */
  async open(server: McpServerEntity, userId: string | null, hooks: OpeningHooks): Promise<McpConnection> {
    const target = server.transport === 'stdio' ? await this.process(server) : await this.remote(server, userId);
    const { openConnection } = await import('./client/open-connection.js');
    return openConnection(target, { timeoutMs: Math.min(server.timeoutMs ?? CONNECT_MS, CONNECT_MS), ...hooks });
  }

  /** After so long without a request a connection is closed; null: as long as any. */
  idleMsOf(server: McpServerEntity): number | null {
    return this.commands.find(server.command ?? '')?.idleMs ?? null;
  }

  private async remote(server: McpServerEntity, userId: string | null): Promise<McpTarget> {
    const { name, transport, url } = server;
    const headers = this.headers.open(server);
    const outside = this.egress.with({ serviceName: name, headersTimeoutMs: null, maxBytes: null });
    const { fetch = outside, secrets } = (await this.credentials.fetchFor(server, userId, outside)) ?? {};
    return { kind: transport as 'http' | 'sse', serverName: name, url: url ?? '', headers, fetch, secrets };
  }

  /** The registry may have changed since the row was made, so that everything is looked at again. */
  private async process(server: McpServerEntity): Promise<McpTarget> {
    const command = this.commands.find(server.command ?? '');
    if (!command || slotFault(command, server.args) !== null) throw new ServerNotStarted(server.name);
    const cwd = command.cwd ?? this.folders.of(server);
    if (command.cwd === null) await this.folders.make(server);
    return {
      kind: 'stdio',
      serverName: server.name,
      program: command.program,
      args: argumentsOf(command, server.args, cwd),
      env: environmentOf(command, cwd),
      cwd,
      memoryMb: command.memoryMb,
    };
  }
}
