import { Injectable, Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { Conflict, NotFound, ValidationFailed } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { violatesUnique } from '../../platform/database/database-errors.js';
import { Db } from '../../platform/database/db.js';
import { AddressRules } from '../../platform/egress/address-rules.js';
import { Events } from '../../platform/events/events.js';
import { isUuid } from '../../platform/http/id.decorator.js';
import { Cursors, type PageQuery } from '../../platform/http/pagination.js';
import { Live } from '../../platform/live/live.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { McpFolders } from './mcp-folders.js';
import { McpHeaders } from './mcp-headers.js';
import type { McpServerEntity } from './mcp-server.entity.js';
import type { CreateMcpServerDto, McpServerDto, McpServerPage, UpdateMcpServerDto } from './mcp-servers.dto.js';
import { McpServersRepository } from './mcp-servers.repository.js';
import { GrantRevocation } from './oauth/grant-revocation.service.js';
import { requireValid } from './server-rules.js';
import { shownBuiltin, shownServer } from './shown-server.js';
import { StdioCommands } from './stdio/stdio-commands.js';

/** The servers that a tenant has plugged in. Nothing here starts or connects to anything. */
@Injectable()
export class McpServers {
  private readonly logger = new Logger('McpServers');

  constructor(
    private readonly servers: McpServersRepository,
    private readonly headers: McpHeaders,
    private readonly addresses: AddressRules,
    private readonly commands: StdioCommands,
    private readonly folders: McpFolders,
    private readonly registry: ToolRegistry,
    private readonly revocation: GrantRevocation,
    private readonly events: Events,
    private readonly live: Live,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** @throws ValidationFailed, Conflict */
  async create(dto: CreateMcpServerDto): Promise<McpServerDto> {
    const { tenantId, userId } = currentTenantActor();
    const now = new Date();
    const server = this.changed({ ...blank(), tenantId, id: v7(), createdBy: userId, createdAt: now }, dto, now);
    await this.db.run(async () => {
      await withFreeName(server.name, () => this.servers.add(server));
      const { name, transport } = server;
      await this.publish('mcpServer.created', server, { name, transport }, dto);
    });
    return shownServer(server);
  }

  /** @throws NotFound */
  async get(id: string): Promise<McpServerDto> {
    if (this.registry.builtin(id)) return shownBuiltin(id);
    return shownServer(await this.require(id));
  }

  async list(query: PageQuery): Promise<McpServerPage> {
    const rows = await this.servers.list(this.cursors.id(query.cursor), query.limit + 1);
    return this.cursors.page(rows, query.limit, shownServer);
  }

  /**
   * Its connections are closed when what is under way on them has ended; what accounts have given for another address or
   * identity is given back. @throws NotFound, ValidationFailed, Conflict
   */
  async update(id: string, dto: UpdateMcpServerDto): Promise<McpServerDto> {
    this.refuseBuiltin(id, 'changed');
    const { server, ended } = await this.db.run(async () => {
      const present = isUuid(id) ? await this.servers.findForUpdate(id) : null;
      if (!present) throw new NotFound('MCP server');
      const server = this.changed(present, dto, new Date());
      const isAnother = server.url !== present.url || server.oauth?.identity !== present.oauth?.identity;
      await withFreeName(server.name, () => this.servers.change(server));
      await this.publish('mcpServer.updated', server, {}, dto);
      const ended = isAnother ? await this.revocation.takeAllOf({ serverId: id }) : [];
      this.tellAfterCommit(server);
      return { server, ended };
    });
    await this.revocation.revoke(ended);
    return shownServer(server);
  }

  /** @throws NotFound, Conflict */
  async remove(id: string): Promise<void> {
    this.refuseBuiltin(id, 'deleted');
    const { server, ended } = await this.db.run(async () => {
      const present = isUuid(id) ? await this.servers.findForUpdate(id) : null;
      if (!present) throw new NotFound('MCP server');
      const ended = await this.revocation.takeAllOf({ serverId: id });
      await this.servers.remove(id);
      await this.publish('mcpServer.deleted', present, {});
      this.tellAfterCommit(present);
      return { server: present, ended };
    });
    await this.revocation.revoke(ended);
    // It is gone; what is left of it now goes with the sweeper.
    await this.folders.remove(server).catch((error: unknown) => {
      this.logger.warn({ err: error, serverId: id }, 'The folder of an MCP server could not be deleted yet');
    });
  }

  /** In the open transaction, until whose end nobody changes or deletes it. */
  async held(id: string): Promise<McpServerEntity | null> {
    return this.servers.findForShare(id);
  }

  /** @throws NotFound for what is no server of the tenant's own */
  async require(id: string): Promise<McpServerEntity> {
    const server = isUuid(id) ? await this.servers.find(id) : null;
    if (!server) throw new NotFound('MCP server');
    return server;
  }

  /** @throws ValidationFailed */
  private changed(server: McpServerEntity, dto: UpdateMcpServerDto, now: Date): McpServerEntity {
    // What the other kind of transport has is not carried over to this one.
    const base =
      dto.transport !== undefined && dto.transport !== server.transport ? { ...server, ...blankPlace() } : server;
    const draft = { ...base, transport: dto.transport ?? base.transport, name: dto.name ?? base.name, ...givenOf(dto) };
    requireValid(draft, dto, { addresses: this.addresses, commands: this.commands });
    const { headers } = dto;
    if (headers === undefined) requireSameOrigin(base, draft);
    const isFirst = server.version === 0;
    const given = headers === undefined ? null : (headers ?? {});
    return {
      ...draft,
      transport: draft.transport as McpServerEntity['transport'],
      ...(given !== null && { sealedHeaders: this.headers.seal(given, server), headerNames: Object.keys(given) }),
      version: isFirst ? 1 : server.version + 1,
      updatedAt: now,
    };
  }

  private refuseBuiltin(id: string, verb: string): void {
    if (this.registry.builtin(id)) throw new Conflict(`The built-in server ${id} can not be ${verb}`);
  }

  private tellAfterCommit({ tenantId, id }: McpServerEntity): void {
    this.db.afterCommit(() => this.live.signal('mcp.serverChanged', { tenantId, serverId: id }));
  }

  private async publish<N extends 'mcpServer.created' | 'mcpServer.updated' | 'mcpServer.deleted'>(
    action: N,
    { id }: McpServerEntity,
    payload: N extends 'mcpServer.created' ? { name: string; transport: string } : object,
    dto?: UpdateMcpServerDto,
  ): Promise<void> {
    const { headers } = dto ?? {};
    // Of headers the names alone, as everywhere.
    const changes = dto && { ...dto, ...(headers !== undefined && { headers: Object.keys(headers ?? {}) }) };
    await this.events.publish(action, {
      resourceType: 'mcpServer',
      resourceId: id,
      payload: payload as never,
      changes,
    });
  }
}

async function withFreeName(name: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (violatesUnique(error, 'mcp_servers_name_key')) throw new Conflict(`There is an MCP server named ${name}`);
    throw error;
  }
}

/** Values that nobody can read go to nobody but whom they were given for. @throws ValidationFailed */
function requireSameOrigin({ url, sealedHeaders }: McpServerEntity, draft: { url: string | null }): void {
  if (sealedHeaders === null || url === null || draft.url === null) return;
  if (new URL(url).origin === new URL(draft.url).origin) return;
  const message = 'headers must be given anew, or null, with a url of another origin';
  throw new ValidationFailed([{ field: 'headers', message }]);
}

function blankPlace() {
  return { url: null, sealedHeaders: null, headerNames: [], command: null, args: [], oauth: null };
}

function blank(): Omit<McpServerEntity, 'tenantId' | 'id' | 'createdBy' | 'createdAt'> {
  const rest = { name: '', enabled: true, timeoutMs: null, toolPolicy: null, version: 0, updatedAt: new Date() };
  return { ...blankPlace(), ...rest, transport: 'http' };
}

/** The fields that were given; null resets one. */
function givenOf(dto: UpdateMcpServerDto) {
  const { url, command, args, oauth, enabled, timeoutMs, toolPolicy } = dto;
  return {
    ...(url !== undefined && { url }),
    ...(command !== undefined && { command }),
    ...(args !== undefined && { args: args ?? [] }),
    ...(oauth !== undefined && { oauth: oauth && { identity: oauth.identity } }),
    ...(enabled !== undefined && { enabled: enabled ?? true }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(toolPolicy !== undefined && { toolPolicy }),
  };
}
