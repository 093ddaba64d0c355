import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The audit record: written by the platform in the transaction of what it tells of, never changed. */
@Entity('events')
export class EventEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('timestamptz')
  at: Date;

  @Column('text')
  action: string;

  @Column('text')
  actorType: 'user' | 'apiKey' | 'job' | 'system';

  @Column('uuid', { nullable: true })
  actorId: string | null;

  @Column('text')
  resourceType: string;

  @Column('uuid', { nullable: true })
  resourceId: string | null;

  @Column('text', { nullable: true })
  ip: string | null;

  @Column('text')
  correlationId: string;

  @Column('jsonb', { nullable: true })
  changes: Record<string, unknown> | null;
}
