import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { AgentDefinition } from './agent-definition.js';

@Entity('agents')
export class AgentEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('integer')
  version: number;

  @Column('text')
  status: 'active' | 'disabled';

  @Column('text')
  name: string;

  @Column('jsonb')
  definition: AgentDefinition;

  @Column('uuid', { nullable: true })
  createdBy: string | null;

  @Column('timestamptz', { nullable: true })
  deletedAt: Date | null;

  @Column('timestamptz')
  createdAt: Date;

  @Column('timestamptz')
  updatedAt: Date;
}
