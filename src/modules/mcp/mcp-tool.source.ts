import { Injectable } from '@nestjs/common';
import { DomainError } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import type {
  ListedTool,
  OfferedTool,
  ServerOffer,
  ToolCallContext,
  ToolDefinition,
  ToolOutcome,
  ToolResult,
  ToolSource,
} from '../tools/tool.js';
import { bareName, CONNECT, serverOf, textResult } from '../tools/tool.js';
import { KnownDefinitions } from './catalogue/known-definitions.js';
import { McpToolLists } from './catalogue/mcp-tool-lists.service.js';
import { McpToolsRepository, type CachedServer, type CachedTool } from './catalogue/mcp-tools.repository.js';
import { KnownServers } from './known-servers.js';
import { McpClient } from './mcp-client.service.js';
import { AccountNotConnected } from './mcp-credentials.js';
import { McpServerFailed, McpServerSilent, ServerRefused } from './mcp-errors.js';
import { McpServersRepository } from './mcp-servers.repository.js';
import { StdioCommands } from './stdio/stdio-commands.js';

const STALE_MS = 600_000;
/** A run does not wait longer for a server that has to be asked what its tools are. */
const OFFER_MS = 8_000;
const CALL_MS = 60_000;

/** The tools of a tenant's servers, as runs are given them. */
@Injectable()
export class McpToolSource implements ToolSource {
  private readonly definitions = new KnownDefinitions();

  constructor(
    private readonly tools: McpToolsRepository,
    private readonly servers: McpServersRepository,
    private readonly known: KnownServers,
    private readonly lists: McpToolLists,
    private readonly client: McpClient,
    private readonly commands: StdioCommands,
  ) {}

  async namesOf(names: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const servers = await this.tools.serversNamed([...names], currentTenantActor().userId);
    return new Set(servers.flatMap((server) => server.tools.map((tool) => `${server.name}:${tool.name}`)));
  }

  async offer(names: ReadonlySet<string>): Promise<readonly ServerOffer[]> {
    const { userId } = currentTenantActor();
    const cached = await this.tools.serversNamed([...names], userId);
    const stale = cached.filter((server) => server.enabled && isStale(server));
    if (stale.length === 0) return cached.map((server) => this.offerOf(server, null));
    const failures = new Map<string, unknown>();
    await Promise.all(
      stale.map(async (server) =>
        this.refreshed(server, userId).catch((error: unknown) => failures.set(server.id, error)),
      ),
    );
    const fresh = await this.tools.serversNamed([...names], userId);
    return fresh.map((server) => this.offerOf(server, failures.get(server.id) ?? null));
  }

  async serverName(id: string): Promise<string | null> {
    return isUuid(id) ? ((await this.servers.find(id))?.name ?? null) : null;
  }

  async list(): Promise<readonly ListedTool[]> {
    const servers = await this.tools.servers(currentTenantActor().userId);
    return servers.flatMap((server) =>
      server.tools.map((tool) => ({ definition: this.definitionOf(server, tool), changed: isChanged(tool) })),
    );
  }

  async approve(name: string): Promise<void> {
    await this.tools.approve(serverOf(name), bareName(name), currentTenantActor().userId);
  }

  /** One that could not say what its tools are is not waited for again at once. */
  private async refreshed({ tenantId, id, version }: CachedServer, userId: string | null): Promise<void> {
    const key = `${tenantId}/${id}/${version}/${userId ?? ''}`;
    const { pauses } = this.lists;
    if (pauses.leftOf(key) > 0) throw pauses.failureOf(key);
    try {
      await this.refresh(id);
      pauses.succeeded(key);
    } catch (error) {
      if (!(error instanceof AccountNotConnected)) pauses.failed(key, error);
      throw error;
    }
  }

  private async refresh(id: string): Promise<void> {
    const server = await this.servers.find(id);
    if (!server) return;
    const limitMs = Math.min(server.timeoutMs ?? OFFER_MS, OFFER_MS);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new McpServerSilent(server.name, limitMs)), limitMs);
    const refreshing = this.lists.refresh(server, limitMs);
    // It may go on after nobody waits for it any more.
    refreshing.catch(() => undefined);
    await Promise.race([refreshing, late.promise]).finally(() => clearTimeout(timer));
  }

  private offerOf(server: CachedServer, failure: unknown): ServerOffer {
    const { name } = server;
    if (!server.enabled)
      return { server: name, tools: [], unavailable: `The MCP server ${name} is disabled`, disabled: 'all' };
    if (failure instanceof AccountNotConnected && server.tools.length === 0)
      return { server: name, tools: [this.connecting(server)], unavailable: failure.message };
    if (failure !== null && !(failure instanceof AccountNotConnected))
      return { server: name, tools: [], unavailable: reasonOf(failure, name), failure };
    const isOff = (tool: CachedTool): boolean => server.toolPolicy?.onChange === 'disable' && isChanged(tool);
    const off = server.tools.filter(isOff).map((tool) => `${name}:${tool.name}`);
    return {
      server: name,
      tools: server.tools.filter((tool) => !isOff(tool)).map((tool) => this.offered(server, tool)),
      unavailable: off.length === 0 ? null : `Changed since they were agreed to, and therefore off: ${off.join(', ')}`,
      disabled: new Set(off),
    };
  }

  private offered(server: CachedServer, tool: CachedTool): OfferedTool {
    const definition = this.definitionOf(server, tool);
    return { definition, call: (input, context) => this.call(server, tool.name, definition, input, context) };
  }

  private definitionOf(server: CachedServer, tool: CachedTool): ToolDefinition {
    const { description = '', title, inputSchema, annotations = {} } = this.definitions.of(tool);
    const own = server.toolPolicy?.tools?.[tool.name];
    const ofCommand = server.transport === 'stdio' ? this.commands.find(server.command ?? '')?.timeoutMs : null;
    return {
      name: `${server.name}:${tool.name}`,
      description: description === '' ? (title ?? '') : description,
      inputSchema,
      idempotent: own?.idempotent ?? (annotations['idempotentHint'] === true || annotations['readOnlyHint'] === true),
      source: 'mcp',
      serverId: server.id,
      timeoutMs: own?.timeoutMs ?? server.timeoutMs ?? ofCommand ?? null,
      needsConsent: server.toolPolicy?.onChange === 'ask' && isChanged(tool),
    };
  }

  /** In the place of tools that nobody knows yet: using it has the run wait for the person. */
  private connecting(server: CachedServer): OfferedTool {
    return {
      definition: {
        name: `${server.name}:${CONNECT}`,
        description: `Asks the person to connect their account with ${server.name}, whose tools are there from then on.`,
        inputSchema: { type: 'object', properties: {}, additionalProperties: false },
        ...{ idempotent: true, source: 'mcp', serverId: server.id, timeoutMs: null, standsForAll: true },
      },
      call: async () => {
        try {
          await this.refresh(server.id);
          return { status: 'done', result: textResult(`${server.name} is connected; its tools can be used now.`) };
        } catch (error) {
          return suspendedFor(error);
        }
      },
    };
  }

  private async call(
    { id, name, version }: CachedServer,
    tool: string,
    { timeoutMs }: ToolDefinition,
    input: Record<string, unknown>,
    { signal, onProgress }: ToolCallContext,
  ): Promise<ToolOutcome> {
    // As it is by now: it may have been changed, disabled or deleted since it was offered.
    const server = await this.known.find(id, version);
    if (!server) throw new McpServerFailed(name, 'is not there any more', { retryable: false, sent: false });
    const mostMs = timeoutMs ?? CALL_MS;
    let heardAt = performance.now();
    const told: ToolCallContext['onProgress'] = (progress) => {
      heardAt = performance.now();
      onProgress?.(progress);
    };
    try {
      const result = await this.client.use(
        server,
        (connection) =>
          connection.callTool(tool, input, { timeoutMs: mostMs, signal, onProgress: told }).catch((error: unknown) => {
            // Aborted for its silence and not by a person: that counts against the server.
            const isSilence = signal.aborted && performance.now() - heardAt >= mostMs * 0.95;
            throw isSilence ? new McpServerSilent(name, mostMs) : error;
          }),
        { signal },
      );
      return { status: 'done', result: resultOf(result) };
    } catch (error) {
      // The protocol's error is an answer that the model can act on.
      if (error instanceof ServerRefused) return { status: 'done', result: textResult(error.message, true) };
      return suspendedFor(error);
    }
  }
}

/** @throws what is not about an account */
function suspendedFor(error: unknown): ToolOutcome {
  if (!(error instanceof AccountNotConnected)) throw error;
  return { status: 'suspended', on: { kind: 'connect', serverId: error.serverId, serverName: error.serverName } };
}

function resultOf({
  isError = false,
  content,
  structuredContent,
}: { isError?: boolean } & Omit<ToolResult, 'isError'>) {
  return { isError, content, ...(structuredContent && { structuredContent }) };
}

function isStale({ listedAt }: CachedServer): boolean {
  return listedAt === null || Date.now() - listedAt.getTime() > STALE_MS;
}

function isChanged({ hash, approvedHash }: CachedTool): boolean {
  return hash !== approvedHash;
}

function reasonOf(error: unknown, name: string): string {
  return error instanceof DomainError ? error.message : `The MCP server ${name} could not be asked for its tools`;
}
