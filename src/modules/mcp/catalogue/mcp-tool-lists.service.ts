import { Injectable, Logger } from '@nestjs/common';
import { NotFound } from '../../../contracts/errors.js';
import { Actor } from '../../../platform/access/actor.js';
import { currentTenantActor, runAs } from '../../../platform/access/scope.js';
import { violatesForeignKey } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import type { McpConnection, RequestBounds } from '../client/mcp-connection.js';
import { ToolInputs } from '../../tools/tool-inputs.js';
import { McpClient } from '../mcp-client.service.js';
import { McpConnections } from '../mcp-connections.js';
import type { McpServerEntity } from '../mcp-server.entity.js';
import { McpServersRepository } from '../mcp-servers.repository.js';
import { ServerPauses } from '../server-pauses.js';
import { allPages } from './all-pages.js';
import { McpToolsRepository, type CachedList, type CachedTool, type KnownTool } from './mcp-tools.repository.js';
import { definitionsOf, MOST_TOOLS, type ToolList } from './tool-definitions.js';

/** A server that tells of changes again and again is asked once in so long. */
const CHANGES_MS = 1_000;
const REFRESH_MS = 15_000;
const PAUSE_MS = 15_000;

/** What servers say their tools are, kept from one use to the next. */
@Injectable()
export class McpToolLists {
  private readonly logger = new Logger('Mcp');
  /** One at a time of each server and credential. */
  private readonly refreshing = new Map<string, Promise<void>>();
  private readonly announced = new Set<string>();
  /** Of servers that could not say, by tenant, server, version and user. */
  readonly pauses = new ServerPauses(PAUSE_MS);

  constructor(
    private readonly tools: McpToolsRepository,
    private readonly servers: McpServersRepository,
    private readonly client: McpClient,
    private readonly inputs: ToolInputs,
    private readonly events: Events,
    private readonly db: Db,
    connections: McpConnections,
  ) {
    connections.onToolsChanged((server, userId) => this.refreshSoon(server, userId));
  }

  async cached(server: McpServerEntity): Promise<{ list: CachedList | null; tools: CachedTool[] }> {
    const credential = credentialOf(server);
    const [list, tools] = await Promise.all([
      this.tools.list(server.id, credential),
      this.tools.toolsOf(server.id, credential),
    ]);
    return { list, tools };
  }

  /** Asks the server. @throws what McpClient throws */
  async refresh(server: McpServerEntity, timeoutMs: number): Promise<void> {
    const key = `${server.tenantId}/${server.id}/${server.version}/${credentialOf(server)}`;
    const present = this.refreshing.get(key);
    if (present) return present;
    const refresh = this.client
      .use(server, (connection) => this.take(server, connection, { timeoutMs }))
      .then(() => undefined)
      .finally(() => this.refreshing.delete(key));
    this.refreshing.set(key, refresh);
    return refresh;
  }

  /** The server's list as it is now, which is kept as well. */
  async take(server: McpServerEntity, connection: McpConnection, bounds: RequestBounds): Promise<ToolList> {
    const items = connection.capabilities.tools
      ? await allPages((cursor) => connection.toolsPage(cursor, bounds), MOST_TOOLS)
      : [];
    const listed = definitionsOf(items);
    const credential = credentialOf(server);
    const known = await this.tools.known(server.id, credential);
    const usable = await this.withoutUnusable(listed, known);
    await this.store(server, credential, usable);
    return usable;
  }

  /** Schemas that were seen before have been judged before. */
  private async withoutUnusable({ tools, notes }: ToolList, known: readonly KnownTool[]): Promise<ToolList> {
    const seen = new Set(known.map(({ hash }) => hash));
    const unseen = tools.filter(({ hash }) => !seen.has(hash));
    if (unseen.length === 0) return { tools, notes };
    const schemas = unseen.map(({ definition }) => definition.inputSchema);
    const flaws = await this.inputs.flaws(schemas, true);
    const refused = new Map(unseen.map(({ hash }, index) => [hash, flaws[index] ?? null]));
    return {
      tools: tools.filter(({ hash }) => (refused.get(hash) ?? null) === null),
      notes: [
        ...notes,
        ...unseen.flatMap(({ definition, hash }) => {
          const flaw = refused.get(hash) ?? null;
          return flaw === null
            ? []
            : [`Tool "${definition.name}" was left out: its inputSchema can not be used: ${flaw}`];
        }),
      ],
    };
  }

  private async store(server: McpServerEntity, credential: string, { tools, notes }: ToolList): Promise<void> {
    try {
      await this.db.run(async () => {
        await this.tools.storeList(server.id, credential, server.version, notes);
        // After the lock: of two lists the later one is compared with what the earlier one has left.
        const known = new Map((await this.tools.known(server.id, credential)).map((tool) => [tool.name, tool]));
        await this.tools.storeTools(server.id, credential, tools);
        const changed = tools.filter(({ definition, hash }) => {
          const before = known.get(definition.name);
          return before !== undefined && before.hash !== hash && before.approvedHash !== hash;
        });
        if (changed.length === 0) return;
        await this.events.publish('mcpServer.toolsChanged', {
          resourceType: 'mcpServer',
          resourceId: server.id,
          payload: { tools: changed.map(({ definition }) => definition.name) },
        });
      });
    } catch (error) {
      if (violatesForeignKey(error, 'mcp_tool_lists_tenant_id_server_id_fkey')) throw new NotFound('MCP server');
      throw error;
    }
  }

  private refreshSoon({ tenantId, id }: McpServerEntity, userId: string | null): void {
    const key = `${tenantId}/${id}/${userId ?? ''}`;
    if (this.announced.has(key)) return;
    this.announced.add(key);
    setTimeout(() => {
      this.announced.delete(key);
      runAs(Actor.job(tenantId, userId), async () => {
        const server = await this.servers.find(id);
        if (server?.enabled) await this.refresh(server, REFRESH_MS);
      }).catch((error: unknown) =>
        this.logger.warn({ err: error, serverId: id }, 'A changed list of tools was not read'),
      );
    }, CHANGES_MS).unref();
  }
}

/** Whose list it is: the acting user's where each acts as themselves. */
function credentialOf({ oauth }: Pick<McpServerEntity, 'oauth'>): string {
  return oauth?.identity === 'user' ? (currentTenantActor().userId ?? '') : '';
}
