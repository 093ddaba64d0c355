import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { Run } from './run.js';
import { RUN_COLUMNS, runOf } from './runs.repository.js';

/**
 * Runs of one session that wait for their turn: stored and shown, but never due (`run_after` is infinity). The session's
 * row is locked by whoever adds to the line or lets the next one go.
 */
@Injectable()
export class RunLineRepository {
  constructor(private readonly db: Db) {}

  /** The first in line becomes due, unless another run of the session is on; null when none does. */
  async releaseNext(sessionId: string): Promise<string | null> {
    const [row] = await this.db.sql<{ id: string }>(
      `UPDATE runs r SET run_after = now()
       WHERE r.tenant_id = :tenantId AND r.status = 'queued' AND r.run_after = 'infinity'
         AND r.id = (SELECT n.id FROM runs n
                     JOIN messages m ON m.tenant_id = n.tenant_id AND m.id = n.message_id
                     WHERE n.tenant_id = :tenantId AND n.session_id = :sessionId
                       AND n.status = 'queued' AND n.run_after = 'infinity'
                     ORDER BY m.position LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM runs o
                         WHERE o.tenant_id = :tenantId AND o.session_id = :sessionId
                           AND o.status IN ('queued', 'running', 'waiting') AND o.run_after < 'infinity')
       RETURNING r.id`,
      { sessionId },
    );
    return row?.id ?? null;
  }

  /** Ends those of the runs that wait for their turn, with room for the event that says so. */
  async endHeld(runIds: readonly string[]): Promise<Run[]> {
    const rows = await this.db.sql<object>(
      `UPDATE runs r SET status = 'cancelled', cancel_requested_at = now(), last_seq = r.last_seq + 1,
         finished_at = date_trunc('milliseconds', clock_timestamp())
       WHERE r.tenant_id = :tenantId AND r.id = ANY (:runIds::uuid[])
         AND r.status = 'queued' AND r.run_after = 'infinity'
       RETURNING ${RUN_COLUMNS}`,
      { runIds },
    );
    return rows.map(runOf);
  }

  /**
   * What was said after a message while it was being answered moves behind the answer, in the same order, so that the
   * history reads as things were answered. Positions only grow: who reads page by page misses nothing.
   */
  async moveBehind(sessionId: string, messageId: string, answerPosition: number): Promise<void> {
    await this.db.sql(
      `WITH asked AS (
         SELECT position FROM messages WHERE tenant_id = :tenantId AND id = :messageId
       ), moved AS (
         UPDATE messages m SET position = m.position + :answerPosition::integer - asked.position
         FROM asked
         WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.deleted_at IS NULL
           AND m.summary_until IS NULL AND m.position > asked.position AND m.position < :answerPosition::integer
         RETURNING m.position
       )
       UPDATE sessions s SET last_position = greatest(s.last_position, (SELECT max(position) FROM moved))
       WHERE s.tenant_id = :tenantId AND s.id = :sessionId`,
      { sessionId, messageId, answerPosition },
    );
  }
}
