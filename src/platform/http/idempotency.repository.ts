import { Injectable } from '@nestjs/common';
import { currentActor, currentTenantActor } from '../access/scope.js';
import { Db } from '../database/db.js';
import { inBatches } from '../database/in-batches.js';

export type Claim =
  /** The request is to be carried out, and holds the key for 10 s at a time. */
  | { kind: 'claimed'; key: HeldKey }
  /** A request with this key is being carried out. */
  | { kind: 'busy' }
  /** The key was used with another body. */
  | { kind: 'taken' }
  /** The request was carried out; the status is null when its answer was never sent. */
  | { kind: 'done'; resourceId: string | null; status: number | null };

export interface HeldKey {
  readonly tenantId: string;
  readonly scopeHash: string;
  /** Grows with each holder, so that one who lost the key changes nothing. */
  readonly fence: string;
}

interface Row {
  body_hash: string;
  status: 'running' | 'bound' | 'done';
  resource_id: string | null;
  response_status: number | null;
  held: boolean;
}

const MINE = 'tenant_id = :tenantId AND scope_hash = :scopeHash AND fence = :fence';

/** Idempotency keys of the current tenant: which requests were made, and which resources came of them. */
@Injectable()
export class IdempotencyRepository {
  constructor(private readonly db: Db) {}

  /** Takes the key if it is new, a day old, or left behind by a request that died before it changed anything. */
  async claim(scopeHash: string, bodyHash: string): Promise<Claim> {
    return this.db.run(async () => {
      const [claimed] = await this.db.sql<{ fence: string }>(
        `INSERT INTO idempotency_keys AS k (tenant_id, scope_hash, body_hash, status, lease_until)
         VALUES (:tenantId, :scopeHash, :bodyHash, 'running', now() + interval '10 s')
         ON CONFLICT (tenant_id, scope_hash) DO UPDATE
         SET body_hash = excluded.body_hash, status = 'running', resource_id = NULL, response_status = NULL,
             fence = k.fence + 1, lease_until = excluded.lease_until, created_at = now()
         WHERE k.lease_until < now() AND (k.status = 'running' OR k.created_at < now() - interval '24 h')
         RETURNING fence`,
        { scopeHash, bodyHash },
      );
      if (claimed) {
        const { tenantId } = currentTenantActor();
        return { kind: 'claimed', key: { tenantId, scopeHash, fence: claimed.fence } };
      }
      // The conflict has locked the row: it is there, and stays as it is.
      const [row] = await this.db.sql<Row>(
        `SELECT body_hash, status, resource_id, response_status, lease_until >= now() AS held
         FROM idempotency_keys WHERE tenant_id = :tenantId AND scope_hash = :scopeHash`,
        { scopeHash },
      );
      if (!row) throw new Error('A key that conflicted is not there');
      if (row.body_hash !== bodyHash) return { kind: 'taken' };
      if (row.status !== 'done' && row.held) return { kind: 'busy' };
      return { kind: 'done', resourceId: row.resource_id, status: row.response_status };
    });
  }

  /** False: another request holds the key by now. */
  async renew(key: HeldKey): Promise<boolean> {
    return this.changed(`UPDATE idempotency_keys SET lease_until = now() + interval '10 s' WHERE ${MINE}`, key);
  }

  /**
   * Part of the open transaction, be it the caller's or that of a system actor who works for them, so that the key names
   * the resource if and only if it was changed.
   */
  async bind(key: HeldKey, resourceId: string): Promise<boolean> {
    return this.changed(
      `UPDATE idempotency_keys SET status = 'bound', resource_id = coalesce(resource_id, :resourceId::uuid)
       WHERE ${MINE} AND status <> 'done'`,
      { ...key, resourceId },
    );
  }

  /** `resourceId` counts only where none was bound. */
  async finish(key: HeldKey, status: number, resourceId: string | null): Promise<void> {
    await this.changed(
      `UPDATE idempotency_keys
       SET status = 'done', response_status = :status::int, resource_id = coalesce(resource_id, :resourceId::uuid),
           lease_until = now()
       WHERE ${MINE}`,
      { ...key, status, resourceId },
    );
  }

  /** After an error: the key is free, or answers with what was changed all the same. */
  async release(key: HeldKey): Promise<void> {
    await this.db.run(async () => {
      const released = await this.changed(`DELETE FROM idempotency_keys WHERE ${MINE} AND status = 'running'`, key);
      if (!released) await this.changed(`UPDATE idempotency_keys SET lease_until = now() WHERE ${MINE}`, key);
    });
  }

  /** Of all tenants; needs a system actor. */
  async deleteExpired(): Promise<void> {
    await inBatches((most) =>
      this.db.systemSql(
        `DELETE FROM idempotency_keys WHERE (tenant_id, scope_hash) IN (
           SELECT tenant_id, scope_hash FROM idempotency_keys
           WHERE created_at < now() - interval '24 h' AND lease_until < now() LIMIT :most)
         RETURNING 1 AS one`,
        { most },
      ),
    );
  }

  private async changed(statement: string, parameters: object): Promise<boolean> {
    const text = `${statement} RETURNING fence`;
    const isSystem = currentActor().kind === 'system';
    const rows = isSystem
      ? await this.db.systemSql(text, { ...parameters })
      : await this.db.sql(text, { ...parameters });
    return rows.length > 0;
  }
}
