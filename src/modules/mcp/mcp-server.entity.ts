import { Column, Entity, PrimaryColumn } from 'typeorm';
import type { ToolPolicyDto } from './tool-policy.dto.js';

@Entity('mcp_servers')
export class McpServerEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('text')
  transport: 'http' | 'sse' | 'stdio';

  /** Of `http` and `sse`. */
  @Column('text', { nullable: true })
  url: string | null;

  /** A JSON object of names and values, sealed. */
  @Column('text', { nullable: true })
  sealedHeaders: string | null;

  @Column('text', { array: true })
  headerNames: string[];

  /** Of `stdio`: a name in the operator's registry. */
  @Column('text', { nullable: true })
  command: string | null;

  /** What fills the slots of the command, in their order. */
  @Column('text', { array: true })
  args: string[];

  /** `user`: each user acts as themselves there. Null: no OAuth. */
  @Column('jsonb', { nullable: true })
  oauth: { identity: 'tenant' | 'user' } | null;

  @Column('boolean')
  enabled: boolean;

  @Column('integer', { nullable: true })
  timeoutMs: number | null;

  @Column('jsonb', { nullable: true })
  toolPolicy: ToolPolicyDto | null;

  @Column('integer')
  version: number;

  @Column('uuid', { nullable: true })
  createdBy: string | null;

  @Column('timestamptz')
  createdAt: Date;

  @Column('timestamptz')
  updatedAt: Date;
}
