import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { SessionEntity } from '../session.entity.js';
import { SESSION_COLUMNS } from '../sessions.repository.js';
import type { Message } from './message.js';

export type AskedMessage = Pick<Message, 'id' | 'position'> & { isDeleted: boolean };

/** Changes of messages that are there; what is deleted keeps its row and its position. */
@Injectable()
export class MessageEditsRepository {
  constructor(private readonly db: Db) {}

  async setText(id: string, { content, blocks }: Pick<Message, 'content' | 'blocks'>): Promise<void> {
    await this.db.sql(
      `UPDATE messages SET content = :content, blocks = :blocks, updated_at = now()
       WHERE tenant_id = :tenantId AND id = :id`,
      { id, content, blocks: JSON.stringify(blocks) },
    );
  }

  async setMetadata(id: string, metadata: Message['metadata']): Promise<void> {
    await this.db.sql(
      `UPDATE messages SET metadata = :metadata, updated_at = now() WHERE tenant_id = :tenantId AND id = :id`,
      { id, metadata: JSON.stringify(metadata) },
    );
  }

  async setFeedback(id: string, feedback: NonNullable<Message['feedback']>): Promise<void> {
    await this.db.sql(
      `UPDATE messages SET feedback = :feedback, updated_at = now() WHERE tenant_id = :tenantId AND id = :id`,
      { id, feedback: JSON.stringify(feedback) },
    );
  }

  /**
   * The message that one answers, which may have been deleted: the one it names, else (in a fork) the last of a user
   * before it that did not give way to another answer. A user's own message is its own.
   */
  async askedBy({ id, role, sessionId, position, parentMessageId }: Message): Promise<AskedMessage | null> {
    const named = role === 'user' ? id : parentMessageId;
    const which = named === null ? `m.role = 'user' AND m.removed_by_run IS NULL` : 'm.id = :named';
    const [row] = await this.db.sql<AskedMessage>(
      `SELECT m.id, m.position, m.deleted_at IS NOT NULL AS "isDeleted" FROM messages m
       WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.position <= :position AND ${which}
       ORDER BY m.position DESC LIMIT 1`,
      { sessionId, position, named },
    );
    return row ?? null;
  }

  /** Takes one message out of its session, and the summaries that tell of it. */
  async remove({ id, sessionId, position, role }: Message): Promise<SessionEntity> {
    const told = role === 'system' ? 'false' : 'm.summary_until >= :position::integer';
    return this.removeThose(sessionId, `(m.id = :id OR ${told})`, { id, position });
  }

  /** Takes out the summaries that tell of what stood at a position. */
  async removeSummaries(sessionId: string, position: number): Promise<void> {
    await this.removeThose(sessionId, 'm.summary_until >= :position', { position });
  }

  /** Takes out all that comes after a position, but no summary of what came before it, for a run to answer anew. */
  async removeAfter(sessionId: string, position: number, runId: string): Promise<SessionEntity> {
    const condition = 'm.position > :position AND (m.summary_until IS NULL OR m.summary_until >= :position)';
    return this.removeThose(sessionId, condition, { position }, runId);
  }

  /** Brings back what was taken out for a run. */
  async restore(sessionId: string, runId: string): Promise<void> {
    await this.db.sql(
      `WITH restored AS (
         UPDATE messages m SET deleted_at = NULL, removed_by_run = NULL
         WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.removed_by_run = :runId
         RETURNING 1
       )
       UPDATE sessions s SET message_count = s.message_count + (SELECT count(*) FROM restored), updated_at = now()
       WHERE s.tenant_id = :tenantId AND s.id = :sessionId`,
      { sessionId, runId },
    );
  }

  private async removeThose(
    sessionId: string,
    condition: string,
    parameters: Record<string, unknown>,
    runId: string | null = null,
  ): Promise<SessionEntity> {
    const [session] = await this.db.sql<object>(
      `WITH removed AS (
         UPDATE messages m SET deleted_at = now(), removed_by_run = :runId
         WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.deleted_at IS NULL AND ${condition}
         RETURNING 1
       )
       UPDATE sessions s SET message_count = s.message_count - (SELECT count(*) FROM removed), updated_at = now()
       WHERE s.tenant_id = :tenantId AND s.id = :sessionId RETURNING ${SESSION_COLUMNS}`,
      { ...parameters, sessionId, runId },
    );
    if (!session) throw new Error('The session is gone');
    return camelRow<SessionEntity>(session);
  }
}
