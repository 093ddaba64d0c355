import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { TenantTable } from '../../../platform/database/tenant-table.js';
import type { SessionDefinitionDto } from '../sessions.dto.js';
import { SessionTemplateEntity } from './session-template.entity.js';

@Injectable()
export class SessionTemplatesRepository {
  private readonly templates: TenantTable<SessionTemplateEntity>;

  constructor(private readonly db: Db) {
    this.templates = new TenantTable(db, SessionTemplateEntity);
  }

  async add(template: Omit<SessionTemplateEntity, 'tenantId'>): Promise<void> {
    // A record of unknown values is deeper than TypeORM's partial type follows.
    await this.templates.insert({ ...template, definition: template.definition as object });
  }

  async find(id: string): Promise<SessionTemplateEntity | null> {
    return this.templates.select('t', (query) => query.andWhere('t.id = :id', { id }).getOne());
  }

  /** Locked until the transaction ends, so that of two changes neither is lost. */
  async findForUpdate(id: string): Promise<SessionTemplateEntity | null> {
    return this.templates.select('t', (query) =>
      query.andWhere('t.id = :id', { id }).setLock('pessimistic_write').getOne(),
    );
  }

  /** What those of the templates say that exist, by their ids. */
  async definitions(ids: ReadonlySet<string>): Promise<ReadonlyMap<string, SessionDefinitionDto>> {
    if (ids.size === 0) return new Map();
    const rows = await this.db.sql<Pick<SessionTemplateEntity, 'id' | 'definition'>>(
      'SELECT id, definition FROM session_templates WHERE tenant_id = :tenantId AND id = ANY (:ids)',
      { ids: [...ids] },
    );
    return new Map(rows.map(({ id, definition }) => [id, definition]));
  }

  /** Newest first, older than `before`. */
  async list(before: string | null, limit: number): Promise<SessionTemplateEntity[]> {
    return this.templates.select('t', (query) => {
      if (before) query.andWhere('t.id < :before', { before });
      return query.orderBy('t.id', 'DESC').limit(limit).getMany();
    });
  }

  /** Of those of these names, the id of the newest of each. */
  async newestOf(names: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.db.sql<Pick<SessionTemplateEntity, 'id' | 'name'>>(
      `SELECT DISTINCT ON (name) name, id FROM session_templates
       WHERE tenant_id = :tenantId AND name = ANY (:names) ORDER BY name, id DESC`,
      { names: [...names] },
    );
    return new Map(rows.map(({ id, name }) => [name, id]));
  }

  async change({ id, name, definition, updatedAt }: SessionTemplateEntity): Promise<void> {
    await this.templates.update({ name, definition: definition as object, updatedAt }, 'id = :id', { id });
  }

  async remove(id: string): Promise<boolean> {
    return (await this.templates.delete('id = :id', { id })) > 0;
  }
}
