import { Injectable } from '@nestjs/common';
import type { RunEnvelope, RunEventType } from '../../../contracts/live-events.js';
import { Db } from '../../../platform/database/db.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';

export interface StoredEvent {
  seq: number;
  type: RunEventType;
  data: object;
}

export interface ShownMessage {
  text: string;
  /** The model call under way had shown thinking. */
  isThinking: boolean;
}

/** What runs have shown, as it is stored. */
@Injectable()
export class RunEventsRepository {
  constructor(private readonly db: Db) {}

  async add(at: Date, events: readonly (StoredEvent & { runId: string })[]): Promise<void> {
    await this.db.sql(
      `INSERT INTO run_events (tenant_id, run_id, seq, type, at, data)
       SELECT :tenantId, e."runId", e.seq, e.type, :at, e.data
       FROM jsonb_to_recordset(:events::jsonb) AS e("runId" uuid, seq bigint, type text, data jsonb)`,
      { at, events: JSON.stringify(events) },
    );
  }

  /** What readers were shown of a message that was started and not finished. */
  async shownOf(id: string, messageId: string): Promise<ShownMessage> {
    const [row] = await this.db.sql<{ text: string | null; thought: boolean }>(
      `SELECT string_agg(data ->> 'text', '' ORDER BY seq) FILTER (WHERE type = 'message.delta') AS text,
         coalesce(max(seq) FILTER (WHERE type = 'thinking.delta'), 0) >
           (SELECT coalesce(max(seq), 0) FROM run_events
            WHERE tenant_id = :tenantId AND run_id = :id AND type = 'usage.updated') AS thought
       FROM run_events
       WHERE tenant_id = :tenantId AND run_id = :id AND type IN ('message.delta', 'thinking.delta')
         AND data ->> 'messageId' = :messageId`,
      { id, messageId },
    );
    return { text: row?.text ?? '', isThinking: row?.thought ?? false };
  }

  /** Stored events of a run after `afterSeq`, in order; none where the caller may not see the session (any more). */
  async after(id: string, afterSeq: number, limit: number): Promise<RunEnvelope[]> {
    const rows = await this.db.sql<{ seq: number; type: RunEventType; at: Date; data: unknown; session_id: string }>(
      `SELECT e.seq, e.type, e.at, e.data, r.session_id
       FROM run_events e
       JOIN runs r ON r.tenant_id = e.tenant_id AND r.id = e.run_id
       JOIN sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
       WHERE e.tenant_id = :tenantId AND e.run_id = :id AND e.seq > :afterSeq AND ${VISIBLE_SESSION}
       ORDER BY e.seq LIMIT :limit`,
      { id, afterSeq, limit, ...visibilityParameters() },
    );
    return rows.map(({ seq, type, at, data, session_id: sessionId }) => ({
      seq: Number(seq),
      type,
      sessionId,
      runId: id,
      at: at.toISOString(),
      data,
    }));
  }
}
