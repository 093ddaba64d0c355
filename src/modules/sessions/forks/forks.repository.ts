import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';

/** UUIDv7, which Postgres makes itself from 18 on: a random one with the time in front and the version in its place. */
const NEW_ID = `encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
  PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
  52, 1), 53, 1), 'hex')::uuid`;

interface Copied {
  count: number;
  /** The last one that was copied. */
  lastId: string | null;
}

@Injectable()
export class ForksRepository {
  constructor(private readonly db: Db) {}

  async hasMessage(sessionId: string, messageId: string): Promise<boolean> {
    const rows = await this.db.sql(
      `SELECT 1 FROM messages
       WHERE tenant_id = :tenantId AND session_id = :sessionId AND id = :messageId AND deleted_at IS NULL`,
      { sessionId, messageId },
    );
    return rows.length > 0;
  }

  /**
   * Up to a message, or all; in one statement, since messages that wait to be answered move. What was thought of them is
   * not copied, nor are they of any run of the fork's.
   */
  async copyMessages(from: string, to: string, untilId: string | null): Promise<Copied> {
    const [row] = await this.db.sql<Copied>(
      `WITH source AS MATERIALIZED (
         SELECT m.*, ${NEW_ID} AS new_id, row_number() OVER (ORDER BY m.position)::integer AS new_position
         FROM messages m
         WHERE m.tenant_id = :tenantId AND m.session_id = :from AND m.deleted_at IS NULL
           AND (:untilId::uuid IS NULL OR m.position <=
             (SELECT position FROM messages WHERE tenant_id = :tenantId AND id = :untilId::uuid))
       ), copied AS (
         INSERT INTO messages (tenant_id, id, session_id, position, role, content, blocks, tool_calls, citations, model,
           parent_message_id, usage, metadata, summarizes, summary_until, created_at, updated_at)
         SELECT :tenantId, s.new_id, :to, s.new_position, s.role, s.content, s.blocks, s.tool_calls, s.citations, s.model,
           parent.new_id, s.usage, s.metadata, s.summarizes,
           CASE WHEN s.summary_until IS NOT NULL THEN
             (SELECT max(told.new_position) FROM source told WHERE told.position <= s.summary_until) END,
           s.created_at, s.updated_at
         FROM source s LEFT JOIN source parent ON parent.id = s.parent_message_id
       )
       SELECT count(*)::integer AS count, (SELECT id FROM source ORDER BY position DESC LIMIT 1) AS "lastId" FROM source`,
      { from, to, untilId },
    );
    return row ?? { count: 0, lastId: null };
  }

  /** What the copies make of their new session. */
  async settle(id: string, { count, lastId }: Copied): Promise<void> {
    await this.db.sql(
      `UPDATE sessions SET message_count = :count, last_position = :count, forked_from_message_id = :lastId::uuid,
         status = CASE WHEN :count::integer > 0 THEN 'active' ELSE status END
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, count, lastId },
    );
  }
}
