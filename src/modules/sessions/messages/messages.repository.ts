import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { FileBlock } from '../../models/model-client.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import type { Run } from '../runs/run.js';
import type { Message } from './message.js';

export interface MessageFilter {
  role?: Message['role'];
  afterPosition: number;
  limit: number;
}

export interface MessageSearch extends MessageFilter {
  search: string;
  /** Of the last one shown, as the database writes it; null for the first page. */
  afterRank: string | null;
}

export type FoundMessage = Message & { rank: string };

/** What a model is shown of a message. */
export type HistoryMessage = Pick<Message, 'position' | 'role' | 'blocks' | 'toolCalls' | 'model' | 'summarizes'> & {
  /** Those that its blocks name, by their ids. */
  files?: ReadonlyMap<string, FileBlock>;
};

/** `said`: how many messages there are in all, apart from the summary, of which it is null. */
type HistoryRow = HistoryMessage & { said: number | null };

const SHORT_HISTORY_BYTES = 128 * 1024;

const COLUMNS = `m.tenant_id, m.id, m.session_id, m.run_id, m.position, m.role, m.content, m.blocks, m.tool_calls,
  m.citations, m.model, m.parent_message_id, m.usage, m.feedback, m.metadata, m.summarizes, m.created_at, m.updated_at`;

@Injectable()
export class MessagesRepository {
  constructor(private readonly db: Db) {}

  async list(sessionId: string, filter: MessageFilter): Promise<Message[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM messages m
       WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.position > :after AND m.deleted_at IS NULL
         AND (:role::text IS NULL OR m.role = :role)
       ORDER BY m.position LIMIT :limit`,
      { sessionId, after: filter.afterPosition, role: filter.role ?? null, limit: filter.limit },
    );
    return rows.map((row) => camelRow<Message>(row));
  }

  /** Best first, then oldest first; see atrium_search_messages. */
  async search(sessionId: string, filter: MessageSearch): Promise<FoundMessage[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS}, found.rank::text AS rank
       FROM atrium_search_messages(:sessionId, :search) found
       JOIN messages m ON m.tenant_id = :tenantId AND m.id = found.message_id
       WHERE m.deleted_at IS NULL AND (:role::text IS NULL OR m.role = :role)
         AND (:afterRank::real IS NULL OR found.rank < :afterRank::real
           OR found.rank = :afterRank::real AND m.position > :afterPosition)
       ORDER BY found.rank DESC, m.position LIMIT :limit`,
      { sessionId, ...filter, role: filter.role ?? null },
    );
    return rows.map((row) => camelRow<FoundMessage>(row));
  }

  async findVisible(id: string): Promise<Message | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM messages m JOIN sessions s ON s.tenant_id = m.tenant_id AND s.id = m.session_id
       WHERE m.tenant_id = :tenantId AND m.id = :id AND m.deleted_at IS NULL AND ${VISIBLE_SESSION}`,
      { id, ...visibilityParameters() },
    );
    return rows[0] ? camelRow<Message>(rows[0]) : null;
  }

  /** The answer of a run, once there is one. */
  async findAnswer(runId: string, sessionId: string): Promise<Message | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM messages m
       WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.run_id = :runId AND m.role = 'assistant'
         AND m.deleted_at IS NULL`,
      { runId, sessionId },
    );
    return rows[0] ? camelRow<Message>(rows[0]) : null;
  }

  /** At the session's last position, which must have been moved on for it in this transaction. */
  async append(
    message: Omit<Message, 'tenantId' | 'position' | 'updatedAt'>,
    summaryUntil: number | null = null,
  ): Promise<void> {
    await this.db.sql(
      `INSERT INTO messages (tenant_id, id, session_id, run_id, position, role, content, blocks, tool_calls, citations,
         model, parent_message_id, usage, metadata, summarizes, summary_until, created_at, updated_at)
       SELECT :tenantId, :id, s.id, :runId, s.last_position, :role, :content, :blocks, :toolCalls, :citations,
         :model, :parentMessageId, :usage, :metadata, :summarizes, :summaryUntil, :createdAt, :createdAt
       FROM sessions s WHERE s.tenant_id = :tenantId AND s.id = :sessionId`,
      {
        ...message,
        summaryUntil,
        blocks: JSON.stringify(message.blocks),
        toolCalls: JSON.stringify(message.toolCalls),
        citations: JSON.stringify(message.citations),
        usage: message.usage && JSON.stringify(message.usage),
        metadata: JSON.stringify(message.metadata),
      },
    );
  }

  /** As `history`; null where it is not short enough to be read while others wait for the session. */
  async shortHistory(run: Pick<Run, 'sessionId' | 'messageId'>): Promise<HistoryMessage[] | null> {
    const rows = await this.history(run, SHORT_HISTORY_BYTES);
    const said = rows.filter(({ said }) => said !== null);
    return said.every((row) => row.said === said.length) ? rows : null;
  }

  /**
   * The conversation up to and including the message that a run answers, oldest first: the summary that reaches
   * furthest, if there is one, and what it does not stand for; at most the newest of about `bytes`.
   */
  async history({ sessionId, messageId }: Pick<Run, 'sessionId' | 'messageId'>, bytes: number): Promise<HistoryRow[]> {
    const rows = await this.db.sql<object>(
      `WITH asked AS (
         SELECT position FROM messages WHERE tenant_id = :tenantId AND id = :messageId
       ), summary AS (
         SELECT m.summary_until, m.role, m.blocks, m.tool_calls, m.model, m.summarizes, NULL::integer FROM messages m
         WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.deleted_at IS NULL
           AND m.summary_until < (SELECT position FROM asked)
         ORDER BY m.summary_until DESC LIMIT 1
       ), said AS (
         SELECT m.id, m.position, m.role, m.blocks, m.tool_calls, m.model, m.summarizes, count(*) OVER () AS said,
           sum(octet_length(m.content) + pg_column_size(m.tool_calls)) OVER (ORDER BY m.position DESC) AS bytes
         FROM messages m
         WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.deleted_at IS NULL
           AND m.summary_until IS NULL AND m.position <= (SELECT position FROM asked)
           AND m.position > coalesce((SELECT summary_until FROM summary), 0)
       )
       SELECT position, role, blocks, tool_calls, model, summarizes, said::integer FROM said
       WHERE bytes <= :bytes OR id = :messageId
       UNION ALL SELECT * FROM summary
       ORDER BY position`,
      { sessionId, messageId, bytes },
    );
    return rows.map((row) => camelRow<HistoryRow>(row));
  }
}
