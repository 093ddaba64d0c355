import { Injectable } from '@nestjs/common';
import { Db } from '../../platform/database/db.js';
import { TenantTable } from '../../platform/database/tenant-table.js';
import { HookEntity } from './hook.entity.js';

/** A hook as it is called. */
export type ActiveHook = Pick<
  HookEntity,
  'tenantId' | 'id' | 'event' | 'url' | 'tools' | 'timeoutMs' | 'onError' | 'sealedSecret'
>;

@Injectable()
export class HooksRepository {
  private readonly hooks: TenantTable<HookEntity>;

  constructor(private readonly db: Db) {
    this.hooks = new TenantTable(db, HookEntity);
  }

  async add(hook: HookEntity): Promise<void> {
    await this.hooks.insert(hook);
  }

  async find(id: string): Promise<HookEntity | null> {
    return this.hooks.select('h', (query) => query.andWhere('h.id = :id', { id }).getOne());
  }

  /** Locked until the transaction ends, so that of two changes neither is lost. */
  async findForUpdate(id: string): Promise<HookEntity | null> {
    return this.hooks.select('h', (query) =>
      query.andWhere('h.id = :id', { id }).setLock('pessimistic_write').getOne(),
    );
  }

  async count(): Promise<number> {
    return this.hooks.select('h', (query) => query.getCount());
  }

  /** Newest first, older than `before`. */
  async list(before: string | null, limit: number): Promise<HookEntity[]> {
    return this.hooks.select('h', (query) => {
      if (before) query.andWhere('h.id < :before', { before });
      return query.orderBy('h.id', 'DESC').limit(limit).getMany();
    });
  }

  /** Those that are called, in the order in which they are. */
  async active(): Promise<ActiveHook[]> {
    return this.db.run(() =>
      this.db.sql<ActiveHook>(
        `SELECT tenant_id AS "tenantId", id, event, url, tools, timeout_ms AS "timeoutMs", on_error AS "onError",
                sealed_secret AS "sealedSecret"
         FROM hooks WHERE tenant_id = :tenantId AND enabled ORDER BY id`,
      ),
    );
  }

  async change({ id, event, url, tools, timeoutMs, onError, enabled, updatedAt }: HookEntity): Promise<void> {
    await this.hooks.update({ event, url, tools, timeoutMs, onError, enabled, updatedAt }, 'id = :id', { id });
  }

  async remove(id: string): Promise<boolean> {
    return (await this.hooks.delete('id = :id', { id })) > 0;
  }
}
