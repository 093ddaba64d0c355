import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import type { Message } from './message.js';

export interface MessageFilter {
  role?: Message['role'];
  search?: string;
  afterPosition: number;
  limit: number;
}

/** What a model is shown of a message. */
export type HistoryMessage = Pick<Message, 'role' | 'blocks' | 'toolCalls' | 'model'>;

const COLUMNS = `m.tenant_id, m.id, m.session_id, m.run_id, m.position, m.role, m.content, m.blocks, m.tool_calls,
  m.citations, m.model, m.parent_message_id, m.usage, m.feedback, m.metadata, m.created_at, m.updated_at`;

@Injectable()
export class MessagesRepository {
  constructor(private readonly db: Db) {}

  async list(sessionId: string, filter: MessageFilter): Promise<Message[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM messages m
       WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.position > :after AND m.deleted_at IS NULL
         AND (:role::text IS NULL OR m.role = :role)
         AND (:search::text IS NULL OR position(lower(:search) in lower(m.content)) > 0)
       ORDER BY m.position LIMIT :limit`,
      {
        sessionId,
        after: filter.afterPosition,
        role: filter.role ?? null,
        search: filter.search ?? null,
        limit: filter.limit,
      },
    );
    return rows.map((row) => camelRow<Message>(row));
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

  async add(message: Omit<Message, 'tenantId' | 'updatedAt'>): Promise<void> {
    await this.db.sql(
      `INSERT INTO messages (tenant_id, id, session_id, run_id, position, role, content, blocks, tool_calls, citations,
         model, parent_message_id, usage, metadata, created_at, updated_at)
       VALUES (:tenantId, :id, :sessionId, :runId, :position, :role, :content, :blocks, :toolCalls, :citations,
         :model, :parentMessageId, :usage, :metadata, :createdAt, :createdAt)`,
      {
        ...message,
        blocks: JSON.stringify(message.blocks),
        toolCalls: JSON.stringify(message.toolCalls),
        citations: JSON.stringify(message.citations),
        usage: message.usage && JSON.stringify(message.usage),
        metadata: JSON.stringify(message.metadata),
      },
    );
  }

  /** The conversation up to and including a message, oldest first, at most the newest `limit`. */
  async history(sessionId: string, untilMessageId: string, limit: number): Promise<HistoryMessage[]> {
    const rows = await this.db.sql<object>(
      `SELECT m.role, m.blocks, m.tool_calls, m.model FROM messages m
       WHERE m.tenant_id = :tenantId AND m.session_id = :sessionId AND m.deleted_at IS NULL
         AND m.position <= (SELECT position FROM messages WHERE tenant_id = :tenantId AND id = :untilMessageId)
       ORDER BY m.position DESC LIMIT :limit`,
      { sessionId, untilMessageId, limit },
    );
    return rows.map((row) => camelRow<HistoryMessage>(row)).reverse();
  }
}
