import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { McpServerEntity } from '../mcp-server.entity.js';
import { MOST_TOOLS, type HashedDefinition, type ListedDefinition } from './tool-definitions.js';

export interface KnownTool {
  name: string;
  hash: string;
  approvedHash: string;
}

export interface CachedTool extends KnownTool {
  definition: ListedDefinition;
}

/** A server with what is known of its tools; `listedAt` null: nothing, or nothing of its present version. */
export interface CachedServer extends Pick<
  McpServerEntity,
  'tenantId' | 'id' | 'name' | 'transport' | 'command' | 'oauth' | 'timeoutMs' | 'toolPolicy' | 'version' | 'enabled'
> {
  listedAt: Date | null;
  tools: CachedTool[];
}

export interface CachedList {
  listedAt: Date;
  notes: string[];
}

/** The list that counts for a user: one of their own where each acts as themselves. */
const OF_USER = `CASE WHEN s.oauth ->> 'identity' = 'user' THEN :userId ELSE '' END`;

const SERVERS = `
  SELECT s.tenant_id "tenantId", s.id, s.name, s.transport, s.command, s.oauth, s.timeout_ms "timeoutMs",
         s.tool_policy "toolPolicy", s.version, s.enabled, l.listed_at "listedAt", coalesce(t.tools, '[]') tools
  FROM mcp_servers s
  LEFT JOIN mcp_tool_lists l ON l.tenant_id = s.tenant_id AND l.server_id = s.id AND l.credential = ${OF_USER}
    AND l.server_version = s.version
  LEFT JOIN LATERAL (
    SELECT jsonb_agg(jsonb_build_object('name', name, 'hash', hash, 'approvedHash', approved_hash,
                                        'definition', definition) ORDER BY position) tools
    FROM mcp_tools WHERE tenant_id = s.tenant_id AND server_id = s.id AND credential = ${OF_USER} AND listed
  ) t ON true
  WHERE s.tenant_id = :tenantId`;

@Injectable()
export class McpToolsRepository {
  constructor(private readonly db: Db) {}

  async serversNamed(names: readonly string[], userId: string | null): Promise<CachedServer[]> {
    return this.db.sql<CachedServer>(`${SERVERS} AND s.name = ANY (:names)`, { names, userId: userId ?? '' });
  }

  async servers(userId: string | null): Promise<CachedServer[]> {
    return this.db.sql<CachedServer>(`${SERVERS} AND s.enabled ORDER BY s.name`, { userId: userId ?? '' });
  }

  async list(serverId: string, credential: string): Promise<CachedList | null> {
    const [list] = await this.db.sql<CachedList>(
      `SELECT listed_at "listedAt", notes FROM mcp_tool_lists
       WHERE tenant_id = :tenantId AND server_id = :serverId AND credential = :credential`,
      { serverId, credential },
    );
    return list ?? null;
  }

  async toolsOf(serverId: string, credential: string): Promise<CachedTool[]> {
    return this.db.sql<CachedTool>(
      `SELECT name, hash, approved_hash "approvedHash", definition FROM mcp_tools
       WHERE tenant_id = :tenantId AND server_id = :serverId AND credential = :credential AND listed
       ORDER BY position`,
      { serverId, credential },
    );
  }

  /** Also of tools that are no longer listed. */
  async known(serverId: string, credential: string): Promise<KnownTool[]> {
    return this.db.sql<KnownTool>(
      `SELECT name, hash, approved_hash "approvedHash" FROM mcp_tools
       WHERE tenant_id = :tenantId AND server_id = :serverId AND credential = :credential`,
      { serverId, credential },
    );
  }

  /** Held until the transaction ends, so that lists are stored one after the other. */
  async storeList(serverId: string, credential: string, serverVersion: number, notes: string[]): Promise<void> {
    await this.db.sql(
      `INSERT INTO mcp_tool_lists (tenant_id, server_id, credential, server_version, notes, listed_at)
       VALUES (:tenantId, :serverId, :credential, :serverVersion, :notes::jsonb, now())
       ON CONFLICT (tenant_id, server_id, credential)
       DO UPDATE SET server_version = excluded.server_version, notes = excluded.notes, listed_at = excluded.listed_at`,
      { serverId, credential, serverVersion, notes: JSON.stringify(notes) },
    );
  }

  /** A tool's first definition is the one that counts as agreed to. */
  async storeTools(serverId: string, credential: string, tools: readonly HashedDefinition[]): Promise<void> {
    const rows = tools.map(({ definition, hash }, position) => ({ name: definition.name, definition, hash, position }));
    await this.db.sql(
      `INSERT INTO mcp_tools (tenant_id, server_id, credential, name, definition, hash, approved_hash, position)
       SELECT :tenantId, :serverId, :credential, t.name, t.definition, t.hash, t.hash, t.position
       FROM jsonb_to_recordset(:rows::jsonb) AS t (name text, definition jsonb, hash text, position integer)
       ON CONFLICT (tenant_id, server_id, credential, name)
       DO UPDATE SET definition = excluded.definition, hash = excluded.hash, position = excluded.position,
                     listed = true, updated_at = now()`,
      { serverId, credential, rows: JSON.stringify(rows) },
    );
    await this.db.sql(
      `UPDATE mcp_tools SET listed = false, updated_at = now()
       WHERE tenant_id = :tenantId AND server_id = :serverId AND credential = :credential AND listed
         AND NOT name = ANY (:names)`,
      { serverId, credential, names: rows.map(({ name }) => name) },
    );
    // One that calls its tools something else each time does not fill the disk.
    await this.db.sql(
      `DELETE FROM mcp_tools WHERE tenant_id = :tenantId AND server_id = :serverId AND credential = :credential
         AND name IN (SELECT name FROM mcp_tools
                      WHERE tenant_id = :tenantId AND server_id = :serverId AND credential = :credential AND NOT listed
                      ORDER BY updated_at DESC, name OFFSET ${MOST_TOOLS})`,
      { serverId, credential },
    );
  }

  /** What the user sees of it is agreed to, wherever it is the same. */
  async approve(server: string, tool: string, userId: string | null): Promise<void> {
    await this.db.sql(
      `UPDATE mcp_tools AS t SET approved_hash = t.hash, updated_at = now()
       FROM mcp_servers s, mcp_tools seen
       WHERE t.tenant_id = :tenantId AND s.tenant_id = t.tenant_id AND s.id = t.server_id AND s.name = :server
         AND t.name = :tool AND t.approved_hash <> t.hash
         AND seen.tenant_id = t.tenant_id AND seen.server_id = t.server_id AND seen.name = t.name
         AND seen.credential = ${OF_USER} AND seen.hash = t.hash`,
      { server, tool, userId: userId ?? '' },
    );
  }
}
