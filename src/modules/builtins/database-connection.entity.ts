import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity('database_connections')
export class DatabaseConnectionEntity {
  @PrimaryColumn('uuid')
  tenantId: string;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @Column('text')
  host: string;

  @Column('text')
  database: string;

  @Column('text')
  sealedUrl: string;

  @Column('uuid', { nullable: true })
  createdBy: string | null;

  @Column('timestamptz')
  createdAt: Date;
}
