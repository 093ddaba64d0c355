import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { PermissionPolicy } from '../../contracts/permission-policy.js';

export const SESSION_PATTERNS = ['chatbot', 'sidekick', 'delegation', 'scheduled', 'triggered', 'research'] as const;
export const SESSION_STATUSES = [
  'created',
  'active',
  'processing',
  'waiting',
  'paused',
  'completed',
  'archived',
  'failed',
] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

export interface ClientTool {
  name: string;
  description: string;
  inputSchema: Record<string, unknown>;
}

@Entity('sessions')
export class SessionEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('uuid', { nullable: true })
  agentId: string | null;

  @Column('uuid', { nullable: true })
  createdBy: string | null;

  @Column('text', { nullable: true })
  title: string | null;

  @Column('text')
  pattern: (typeof SESSION_PATTERNS)[number];

  @Column('text')
  visibility: 'private' | 'tenant';

  @Column('text')
  status: SessionStatus;

  @Column('text', { nullable: true })
  model: string | null;

  @Column('text', { nullable: true })
  systemPrompt: string | null;

  @Column('jsonb', { nullable: true })
  tools: string[] | null;

  @Column('jsonb', { nullable: true })
  permissionPolicy: PermissionPolicy | null;

  @Column('jsonb')
  context: Record<string, unknown>;

  @Column('jsonb')
  clientTools: ClientTool[];

  @Column('jsonb')
  metadata: Record<string, unknown>;

  @Column('uuid', { nullable: true })
  forkedFromSessionId: string | null;

  @Column('uuid', { nullable: true })
  forkedFromMessageId: string | null;

  /** Where a person began what came to this session; null: here. */
  @Column('uuid', { nullable: true })
  rootSessionId: string | null;

  /** The run that asked for it. */
  @Column('uuid', { nullable: true })
  parentRunId: string | null;

  /** Of the request that made it, where one made several. */
  @Column('uuid', { nullable: true })
  batchId?: string | null;

  @Column('integer')
  messageCount: number;

  @Column('integer')
  lastPosition: number;

  @Column('bigint')
  inputTokens: number;

  @Column('bigint')
  outputTokens: number;

  @Column('bigint')
  cacheReadTokens: number;

  @Column('bigint')
  cacheWriteTokens: number;

  @Column('bigint')
  costMicros: number;

  @Column('boolean')
  usageEstimated: boolean;

  @Column('timestamptz')
  lastActivityAt: Date;

  @Column('timestamptz', { nullable: true })
  deletedAt: Date | null;

  @Column('timestamptz')
  createdAt: Date;

  @Column('timestamptz')
  updatedAt: Date;
}
