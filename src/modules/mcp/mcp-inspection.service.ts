import { Injectable } from '@nestjs/common';
import { DomainError, ValidationFailed } from '../../contracts/errors.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { allPages } from './catalogue/all-pages.js';
import { McpToolLists } from './catalogue/mcp-tool-lists.service.js';
import type { ListedPage, McpConnection } from './client/mcp-connection.js';
import { builtinDiscovery, builtinTools, pingBuiltin } from './inspected-builtin.js';
import { McpClient } from './mcp-client.service.js';
import { McpServerFailed, ServerRefused } from './mcp-errors.js';
import type {
  GetPromptDto,
  McpDiscoveryDto,
  McpHealthDto,
  McpPromptDto,
  McpResourceDto,
  McpToolListDto,
  ReadResourceDto,
} from './mcp-inspection.dto.js';
import type { McpServerEntity } from './mcp-server.entity.js';
import { McpServers } from './mcp-servers.service.js';

const ASK_MS = 30_000;
const PROBE_MS = 10_000;
const SLOW_MS = 2_000;
const MOST_ITEMS = 1_000;

const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;
const RESOURCE_NOT_FOUND = -32002;

/** What people look up of a server: what it has, what it says, how it is. */
@Injectable()
export class McpInspection {
  constructor(
    private readonly servers: McpServers,
    private readonly client: McpClient,
    private readonly lists: McpToolLists,
    private readonly registry: ToolRegistry,
  ) {}

  /** @throws NotFound, Conflict, and what McpClient throws */
  async discover(id: string): Promise<McpDiscoveryDto> {
    const builtin = this.registry.builtin(id);
    if (builtin) return builtinDiscovery(builtin);
    const server = await this.servers.require(id);
    return this.ask(server, async (connection) => {
      const bounds = { timeoutMs: askMsOf(server) };
      const { tools, notes } = await this.lists.take(server, connection, bounds);
      const { resources, prompts } = connection.capabilities;
      const [listedResources, resourceTemplates, listedPrompts] = await Promise.all([
        resources ? listed((cursor) => connection.resourcesPage(cursor, bounds)) : [],
        resources ? listed((cursor) => connection.templatesPage(cursor, bounds)) : [],
        prompts ? listed((cursor) => connection.promptsPage(cursor, bounds)) : [],
      ]);
      return {
        tools: tools.map(({ definition }) => definition),
        ...{ resources: listedResources, resourceTemplates, prompts: listedPrompts },
        serverInfo: infoOf(connection),
        protocolVersion: connection.protocolVersion,
        notes,
      };
    });
  }

  /** What is known, without asking the server. @throws NotFound */
  async tools(id: string): Promise<McpToolListDto> {
    const builtin = this.registry.builtin(id);
    if (builtin) return builtinTools(builtin);
    const { list, tools } = await this.lists.cached(await this.servers.require(id));
    return {
      data: tools.map(({ definition, hash, approvedHash }) => ({ ...definition, changed: hash !== approvedHash })),
      notes: list?.notes ?? [],
      listedAt: list?.listedAt.toISOString() ?? null,
    };
  }

  /** @throws NotFound, Conflict, ValidationFailed, and what McpClient throws */
  async readResource(id: string, { uri }: ReadResourceDto): Promise<McpResourceDto> {
    if (this.registry.builtin(id)) throw ValidationFailed.of('uri', 'uri names no resource: built-ins have none', uri);
    const server = await this.servers.require(id);
    const read = (connection: McpConnection) => {
      if (!connection.capabilities.resources)
        throw new ServerRefused(RESOURCE_NOT_FOUND, 'the server has no resources');
      return connection.readResource(uri, { timeoutMs: askMsOf(server) });
    };
    return this.ask(server, read, 'uri');
  }

  /** @throws NotFound, Conflict, ValidationFailed, and what McpClient throws */
  async getPrompt(id: string, { name, arguments: given }: GetPromptDto): Promise<McpPromptDto> {
    const input = given ?? {};
    const bad = Object.keys(input).find((key) => typeof input[key] !== 'string');
    if (bad !== undefined) throw ValidationFailed.of('arguments', 'arguments must be texts by their names');
    if (this.registry.builtin(id)) throw ValidationFailed.of('name', 'name is no prompt: built-ins have none', name);
    const server = await this.servers.require(id);
    const get = (connection: McpConnection) => {
      if (!connection.capabilities.prompts) throw new ServerRefused(INVALID_PARAMS, 'the server has no prompts');
      return connection.getPrompt(name, input, { timeoutMs: askMsOf(server) });
    };
    const { description = null, messages } = await this.ask(server, get, 'name');
    return { description, messages: messages as unknown as Record<string, unknown>[] };
  }

  /** Asks now, whatever the breaker says. @throws NotFound */
  async health(id: string): Promise<McpHealthDto> {
    const builtin = this.registry.builtin(id);
    const lastCheckedAt = new Date().toISOString();
    const from = performance.now();
    const latency = () => Math.round((performance.now() - from) * 10) / 10;
    if (builtin) {
      await pingBuiltin(builtin);
      return { status: 'healthy', latencyMs: latency(), lastCheckedAt, circuitBreaker: 'closed', error: null };
    }
    const server = await this.servers.require(id);
    const circuitBreaker = this.client.breakerState(server);
    try {
      await this.client.use(server, (connection) => connection.ping({ timeoutMs: PROBE_MS }), { isProbe: true });
      const latencyMs = latency();
      this.lists.pauses.forget(`${server.tenantId}/${server.id}/`);
      const isWell = circuitBreaker === 'closed' && latencyMs < SLOW_MS;
      return { status: isWell ? 'healthy' : 'degraded', latencyMs, lastCheckedAt, circuitBreaker, error: null };
    } catch (error) {
      const why =
        error instanceof DomainError || error instanceof ServerRefused ? error.message : 'It could not be asked';
      return { status: 'down', latencyMs: null, lastCheckedAt, circuitBreaker, error: why };
    }
  }

  /** `field`: what of the request its refusal is about, if it is about that. */
  private async ask<T>(
    server: McpServerEntity,
    ask: (connection: McpConnection) => Promise<T>,
    field?: string,
  ): Promise<T> {
    try {
      return await this.client.use(server, ask);
    } catch (error) {
      if (!(error instanceof ServerRefused)) throw error;
      const isOurs = error.code === INVALID_PARAMS || error.code === RESOURCE_NOT_FOUND;
      if (field !== undefined && isOurs)
        throw ValidationFailed.of(field, `${field} is refused by ${server.name}: ${error.message}`);
      const says = `answered with an error (${error.code}): ${error.message}`;
      throw new McpServerFailed(server.name, says, { retryable: false, sent: true });
    }
  }
}

/** Nothing where the server has not got the method, whatever it said it had. */
async function listed(page: (cursor: string | undefined) => Promise<ListedPage>): Promise<Record<string, unknown>[]> {
  try {
    return (await allPages(page, MOST_ITEMS)).slice(0, MOST_ITEMS) as Record<string, unknown>[];
  } catch (error) {
    if (error instanceof ServerRefused && error.code === METHOD_NOT_FOUND) return [];
    throw error;
  }
}

function infoOf({ serverInfo }: McpConnection): McpDiscoveryDto['serverInfo'] {
  if (!serverInfo) return null;
  const { name, title, version } = serverInfo;
  return { name, version, ...(title !== undefined && { title }) };
}

function askMsOf({ timeoutMs }: McpServerEntity): number {
  return timeoutMs ?? ASK_MS;
}
