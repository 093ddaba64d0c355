import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { READABLE_COLLECTION, readerParameters } from '../collections/collection-access.js';
import type { Evaluation, EvaluationCase } from './evaluation.js';

const COLUMNS = `e.id, e.name, e.collection_ids, e.modes, e.settings, e.status, jsonb_array_length(e.cases) AS case_count,
  e.done, e.sums, e.error, e.created_by, e.created_at, e.finished_at`;

const ITS_COLLECTIONS = 'FROM rag_collections c WHERE c.tenant_id = e.tenant_id AND c.id = ANY (e.collection_ids)';

/** Who may read all of its collections; for who asked for it, those that were deleted don't count. */
const READABLE = `CASE WHEN e.created_by = :me::uuid
  THEN NOT EXISTS (SELECT 1 ${ITS_COLLECTIONS} AND c.deleted_at IS NULL AND NOT (${READABLE_COLLECTION}))
  ELSE (SELECT count(*) ${ITS_COLLECTIONS} AND ${READABLE_COLLECTION}) = cardinality(e.collection_ids) END`;

@Injectable()
export class EvaluationsRepository {
  constructor(private readonly db: Db) {}

  async add(evaluation: Evaluation, cases: readonly EvaluationCase[]): Promise<void> {
    const { id, name, collectionIds, modes, settings, createdBy, createdAt } = evaluation;
    await this.db.sql(
      `INSERT INTO rag_evaluations (tenant_id, id, name, collection_ids, modes, cases, settings, created_by, created_at)
       VALUES (:tenantId, :id, :name, :collectionIds, :modes, :cases, :settings, :createdBy, :createdAt)`,
      {
        ...{ id, name, collectionIds, modes, createdBy, createdAt },
        cases: JSON.stringify(cases),
        settings: JSON.stringify(settings),
      },
    );
  }

  async findReadable(id: string): Promise<Evaluation | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_evaluations e WHERE e.tenant_id = :tenantId AND e.id = :id AND ${READABLE}`,
      { id, ...readerParameters() },
    );
    return rows[0] ? camelRow<Evaluation>(rows[0]) : null;
  }

  async listReadable(before: string | null, limit: number): Promise<Evaluation[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM rag_evaluations e
       WHERE e.tenant_id = :tenantId AND (:before::uuid IS NULL OR e.id < :before::uuid) AND ${READABLE}
       ORDER BY e.id DESC LIMIT :limit`,
      { before, limit, ...readerParameters() },
    );
    return rows.map((row) => camelRow<Evaluation>(row));
  }

  /** For whoever works on it. */
  async find(id: string): Promise<(Evaluation & { cases: EvaluationCase[] }) | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS}, e.cases FROM rag_evaluations e WHERE e.tenant_id = :tenantId AND e.id = :id`,
      { id },
    );
    return rows[0] ? camelRow<Evaluation & { cases: EvaluationCase[] }>(rows[0]) : null;
  }

  /** False: another holds it by now. */
  async keepSums(id: string, fence: number, { done, sums }: Pick<Evaluation, 'done' | 'sums'>): Promise<boolean> {
    const rows = await this.db.sql(
      `UPDATE rag_evaluations SET done = :done, sums = :sums, progressed = true
       WHERE tenant_id = :tenantId AND id = :id AND fence = :fence AND status = 'running' RETURNING id`,
      { id, fence, done, sums: JSON.stringify(sums) },
    );
    return rows.length > 0;
  }

  /** False: another holds it by now. */
  async end(id: string, fence: number, ended: Pick<Evaluation, 'status' | 'error'>): Promise<boolean> {
    const { status, error } = ended;
    const rows = await this.db.sql(
      `UPDATE rag_evaluations SET status = :status, error = :error::jsonb, finished_at = now(), lease_until = NULL
       WHERE tenant_id = :tenantId AND id = :id AND fence = :fence AND status = 'running' RETURNING id`,
      { id, fence, status, error: error && JSON.stringify(error) },
    );
    return rows.length > 0;
  }
}
