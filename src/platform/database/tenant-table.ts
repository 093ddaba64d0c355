import type { DeepPartial, EntityTarget, ObjectLiteral, SelectQueryBuilder } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import { currentTenantActor } from '../access/scope.js';
import type { Db } from './db.js';

interface TenantRow extends ObjectLiteral {
  tenantId: string;
}

/**
 * The table of an entity as one tenant sees it: every query built here names the tenant, beside the policy that
 * enforces it. Conditions are added with `andWhere`; a bare `where` would drop the tenant's, so lint forbids it.
 */
export class TenantTable<E extends TenantRow> {
  constructor(
    private readonly db: Db,
    private readonly entity: EntityTarget<E>,
  ) {}

  async select<T>(alias: string, use: (query: SelectQueryBuilder<E>) => Promise<T>): Promise<T> {
    const { tenantId } = currentTenantActor();
    return this.db.run(() =>
      use(this.db.manager.createQueryBuilder(this.entity, alias).where(`${alias}.tenantId = :tenantId`, { tenantId })),
    );
  }

  /** The tenant is the actor's, whatever the values say. */
  async insert(values: Omit<DeepPartial<E>, 'tenantId'> | Omit<DeepPartial<E>, 'tenantId'>[]): Promise<void> {
    const { tenantId } = currentTenantActor();
    const rows = (Array.isArray(values) ? values : [values]).map((row) => ({ ...row, tenantId }));
    await this.db.run(() =>
      this.db.manager
        .createQueryBuilder()
        .insert()
        .into(this.entity)
        .values(rows as unknown as QueryDeepPartialEntity<E>[])
        .updateEntity(false)
        .execute(),
    );
  }

  /** Changes the rows for which `condition` holds; returns how many. */
  async update(set: QueryDeepPartialEntity<E>, condition: string, parameters: ObjectLiteral = {}): Promise<number> {
    const { tenantId } = currentTenantActor();
    const result = await this.db.run(() =>
      this.db.manager
        .createQueryBuilder()
        .update(this.entity)
        .set(set)
        .where('tenantId = :tenantId', { tenantId })
        .andWhere(condition, parameters)
        .updateEntity(false)
        .execute(),
    );
    return result.affected ?? 0;
  }

  async delete(condition: string, parameters: ObjectLiteral = {}): Promise<number> {
    const { tenantId } = currentTenantActor();
    const result = await this.db.run(() =>
      this.db.manager
        .createQueryBuilder()
        .delete()
        .from(this.entity)
        .where('tenantId = :tenantId', { tenantId })
        .andWhere(condition, parameters)
        .execute(),
    );
    return result.affected ?? 0;
  }
}
