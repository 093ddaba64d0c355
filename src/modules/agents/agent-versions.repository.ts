import { Injectable } from '@nestjs/common';
import { camelRow } from '../../platform/database/camel-row.js';
import { Db } from '../../platform/database/db.js';
import type { AgentDefinition } from './agent-definition.js';

/** What an agent was from one change to the next; never changed. */
export interface AgentVersion {
  version: number;
  name: string;
  definition: AgentDefinition;
  createdBy: string | null;
  createdAt: Date;
}

const COLUMNS = 'version, name, definition, created_by, created_at';

@Injectable()
export class AgentVersionsRepository {
  constructor(private readonly db: Db) {}

  async find(agentId: string, version: number): Promise<AgentVersion | null> {
    const [row] = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM agent_versions
       WHERE tenant_id = :tenantId AND agent_id = :agentId AND version = :version`,
      { agentId, version },
    );
    return row ? camelRow<AgentVersion>(row) : null;
  }

  /** The newest first, those before `before`. */
  async list(agentId: string, before: number, limit: number): Promise<AgentVersion[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM agent_versions
       WHERE tenant_id = :tenantId AND agent_id = :agentId AND version < :before ORDER BY version DESC LIMIT :limit`,
      { agentId, before, limit },
    );
    return rows.map((row) => camelRow<AgentVersion>(row));
  }
}
