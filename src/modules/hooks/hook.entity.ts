import { Column, Entity, PrimaryColumn } from 'typeorm';

export const HOOK_EVENTS = ['tool.before', 'tool.after', 'run.started', 'run.completed'] as const;
export type HookEvent = (typeof HOOK_EVENTS)[number];

@Entity('hooks')
export class HookEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  event: HookEvent;

  @Column('text')
  url: string;

  /** Null: all. */
  @Column('text', { array: true, nullable: true })
  tools: string[] | null;

  @Column('integer')
  timeoutMs: number;

  @Column('text')
  onError: 'allow' | 'deny';

  @Column('boolean')
  enabled: boolean;

  @Column('text')
  sealedSecret: string;

  @Column('uuid', { nullable: true })
  createdBy: string | null;

  @Column('timestamptz')
  createdAt: Date;

  @Column('timestamptz')
  updatedAt: Date;
}
