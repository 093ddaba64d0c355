import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('api_keys')
export class ApiKeyEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** Who made it, and whose role bounds it. */
  @Column('uuid')
  userId: string;

  @Column('text')
  name: string;

  /** The key's first characters, by which people recognise it. */
  @Column('text')
  prefix: string;

  @Column('text')
  keyHash: string;

  /** Null: all that its user may. */
  @Column('text', { array: true, nullable: true })
  scopes: string[] | null;

  @Column('timestamptz', { nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { nullable: true })
  lastUsedAt: Date | null;

  @Column('timestamptz', { nullable: true })
  revokedAt: Date | null;

  @Column('timestamptz')
  createdAt: Date;
}
