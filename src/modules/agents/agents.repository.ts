import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { AgentEntity } from './agent.entity.js';

export interface AgentFilter {
  search?: string;
  status?: AgentEntity['status'];
  /** Only agents older than this one. */
  before: string | null;
  limit: number;
}

export type NamedAgent = Pick<AgentEntity, 'id' | 'name'> & { description: string };

/** Agents that can be asked by others. */
const MOST_NAMED = 1_000;

@Injectable()
export class AgentsRepository {
  private readonly agents: TenantTable<AgentEntity>;

  constructor(private readonly db: Db) {
    this.agents = new TenantTable(db, AgentEntity);
  }

  async add(agent: Omit<AgentEntity, 'tenantId'>): Promise<void> {
    await this.agents.insert(agent);
    await this.addVersion(agent, agent.createdBy);
  }

  async find(id: string): Promise<AgentEntity | null> {
    return this.agents.select('a', (query) => query.andWhere('a.id = :id AND a.deletedAt IS NULL', { id }).getOne());
  }

  async pin(id: string): Promise<Pick<AgentEntity, 'id' | 'version' | 'definition'> | null> {
    const [agent] = await this.db.sql<Pick<AgentEntity, 'id' | 'version' | 'definition'>>(
      'SELECT id, version, definition FROM agents WHERE tenant_id = :tenantId AND id = :id AND deleted_at IS NULL',
      { id },
    );
    return agent ?? null;
  }

  async named(): Promise<NamedAgent[]> {
    return this.db.sql<NamedAgent>(
      `SELECT DISTINCT ON (name) id, name, definition ->> 'description' AS description FROM agents
       WHERE tenant_id = :tenantId AND deleted_at IS NULL AND status = 'active' ORDER BY name, id LIMIT :most`,
      { most: MOST_NAMED },
    );
  }

  async withCollection(collectionId: string): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT id FROM agents
       WHERE tenant_id = :tenantId AND deleted_at IS NULL AND definition -> 'collectionIds' ? :collectionId ORDER BY id`,
      { collectionId },
    );
    return rows.map(({ id }) => id);
  }

  /** Those of them that exist. */
  async existing(ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      'SELECT id FROM agents WHERE tenant_id = :tenantId AND id = ANY (:ids) AND deleted_at IS NULL',
      { ids },
    );
    return rows.map(({ id }) => id);
  }

  /** Locked until the transaction ends, so that two changes do not make the same version. */
  async findForUpdate(id: string): Promise<AgentEntity | null> {
    return this.agents.select('a', (query) =>
      query.andWhere('a.id = :id AND a.deletedAt IS NULL', { id }).setLock('pessimistic_write').getOne(),
    );
  }

  async list(filter: AgentFilter): Promise<AgentEntity[]> {
    return this.agents.select('a', (query) => {
      query.andWhere('a.deletedAt IS NULL').orderBy('a.id', 'DESC').limit(filter.limit);
      if (filter.before) query.andWhere('a.id < :before', { before: filter.before });
      if (filter.status) query.andWhere('a.status = :status', { status: filter.status });
      if (filter.search) query.andWhere('position(lower(:search) in lower(a.name)) > 0', { search: filter.search });
      return query.getMany();
    });
  }

  /** `by`: who makes this version. */
  async change(agent: AgentEntity, by: string | null): Promise<void> {
    const { name, definition, version, updatedAt } = agent;
    // A record of unknown values is deeper than TypeORM's partial type follows.
    await this.agents.update({ name, definition: definition as object, version, updatedAt }, 'id = :id', {
      id: agent.id,
    });
    await this.addVersion(agent, by);
  }

  async markDeleted(id: string): Promise<boolean> {
    const changed = await this.agents.update({ deletedAt: new Date() }, 'id = :id AND deletedAt IS NULL', { id });
    return changed > 0;
  }

  private async addVersion(agent: Omit<AgentEntity, 'tenantId'>, createdBy: string | null): Promise<void> {
    await this.db.sql(
      `INSERT INTO agent_versions (tenant_id, agent_id, version, name, definition, created_by)
       VALUES (:tenantId, :id, :version, :name, :definition, :createdBy)`,
      {
        id: agent.id,
        version: agent.version,
        name: agent.name,
        definition: JSON.stringify(agent.definition),
        createdBy,
      },
    );
  }
}
