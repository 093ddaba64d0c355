import { Injectable } from '@nestjs/common';
import { currentTenantActor } from '../../platform/access/scope.js';
import { camelRow } from '../../platform/database/camel-row.js';
import { Db } from '../../platform/database/db.js';
import { usageOf, type UsageColumns } from '../sessions/usage.js';
import type { KnowledgeQuery } from './query.js';

const COLUMNS = `q.id, q.collection_ids, q.question, q.agent_id, q.model, q.status, q.error, q.answer, q.citations, q.sources,
  q.input_tokens, q.output_tokens, q.cache_read_tokens, q.cache_write_tokens, q.cost_micros, q.usage_estimated,
  q.duration_ms, q.created_by, q.created_at`;

/** What a caller sees of the log. */
export interface Sight {
  /** What was asked of these collections alone; also their own, where they may not read one any more, or it is gone. */
  readable: readonly string[];
  /** What others have asked too. */
  seesOthers: boolean;
}

interface QueryFilter extends Sight {
  collectionId?: string;
  before: string | null;
  limit: number;
}

const VISIBLE = `(q.created_by = :me::uuid OR :seesOthers::boolean) AND q.collection_ids <@ :readable::uuid[]`;

@Injectable()
export class QueriesRepository {
  constructor(private readonly db: Db) {}

  async add(query: KnowledgeQuery): Promise<void> {
    const { usage, error, citations, sources, ...columns } = query;
    await this.db.sql(
      `INSERT INTO rag_queries (tenant_id, id, collection_ids, question, agent_id, model, status, error, answer,
         citations, sources, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, cost_micros,
         usage_estimated, duration_ms, created_by, created_at)
       VALUES (:tenantId, :id, :collectionIds, :question, :agentId, :model, :status, :error::jsonb, :answer,
         :citations, :sources, :inputTokens, :outputTokens, :cacheReadTokens, :cacheWriteTokens, :costMicros,
         :estimated, :durationMs, :createdBy, :createdAt)`,
      {
        ...{ ...columns, ...usage },
        error: error && JSON.stringify(error),
        citations: JSON.stringify(citations),
        sources: JSON.stringify(sources),
      },
    );
  }

  async findVisible(id: string, sight: Sight): Promise<KnowledgeQuery | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_queries q WHERE q.tenant_id = :tenantId AND q.id = :id AND ${VISIBLE}`,
      { id, ...sight, me: currentTenantActor().userId },
    );
    return rows[0] ? queryOf(rows[0]) : null;
  }

  /** Newest first, older than `before`. */
  async listVisible({ collectionId, before, limit, ...sight }: QueryFilter): Promise<KnowledgeQuery[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_queries q
       WHERE q.tenant_id = :tenantId AND ${VISIBLE} AND (:before::uuid IS NULL OR q.id < :before::uuid)
         AND (:collectionId::uuid IS NULL OR :collectionId::uuid = ANY (q.collection_ids))
       ORDER BY q.id DESC LIMIT :limit`,
      { ...sight, collectionId: collectionId ?? null, before, limit, me: currentTenantActor().userId },
    );
    return rows.map(queryOf);
  }
}

function queryOf(row: object): KnowledgeQuery {
  const query = camelRow<KnowledgeQuery & UsageColumns>(row);
  return { ...query, usage: usageOf(query) };
}
