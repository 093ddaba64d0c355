import { Injectable } from '@nestjs/common';
import { camelRow } from '../../platform/database/camel-row.js';
import { Db } from '../../platform/database/db.js';
import type { SessionEntity } from './session.entity.js';
import { SESSION_COLUMNS } from './sessions.repository.js';
import { visibilityParameters, VISIBLE_SESSION } from './visibility.js';

/** Statements about several sessions at once. */
@Injectable()
export class SessionBatchesRepository {
  constructor(private readonly db: Db) {}

  /** In the order in which they were made, without those deleted since. */
  async ofBatch(batchId: string): Promise<SessionEntity[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${SESSION_COLUMNS} FROM sessions s
       WHERE s.tenant_id = :tenantId AND s.batch_id = :batchId AND ${VISIBLE_SESSION} ORDER BY s.id`,
      { batchId, ...visibilityParameters() },
    );
    return rows.map((row) => camelRow<SessionEntity>(row));
  }

  /** Those of them that the caller may see, locked until the transaction ends; in one order, whoever asks for which. */
  async lockVisible(ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.sql<{ id: string }>(
      `SELECT s.id FROM sessions s
       WHERE s.tenant_id = :tenantId AND s.id = ANY (:ids) AND ${VISIBLE_SESSION} ORDER BY s.id FOR NO KEY UPDATE`,
      { ids, ...visibilityParameters() },
    );
    return rows.map(({ id }) => id);
  }

  async haveOpenRun(ids: readonly string[]): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 AS one FROM runs
       WHERE tenant_id = :tenantId AND session_id = ANY (:ids) AND status IN ('queued', 'running', 'waiting') LIMIT 1`,
      { ids },
    );
    return rows.length > 0;
  }
}
