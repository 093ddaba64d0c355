import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { SessionDefinitionDto } from '../sessions.dto.js';

@Entity('session_templates')
export class SessionTemplateEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  /** Only what it says: never undefined or null. */
  @Column('jsonb')
  definition: SessionDefinitionDto;

  @Column('uuid', { nullable: true })
  createdBy: string | null;

  @Column('timestamptz')
  createdAt: Date;

  @Column('timestamptz')
  updatedAt: Date;
}
