import type { TenantActor } from '../../platform/access/actor.js';
import { currentTenantActor } from '../../platform/access/scope.js';

/** Owners, admins and the tenant's own work see every session; others their own and the shared ones. */
export function seesEverySession(actor: TenantActor = currentTenantActor()): boolean {
  return actor.kind === 'job' || actor.role === 'owner' || actor.role === 'admin';
}

/** SQL over a `sessions` row named `s`; binds `:me` and `:all` from `visibilityParameters`. */
export const VISIBLE_SESSION = `s.deleted_at IS NULL AND (:all::boolean OR s.visibility = 'tenant' OR s.created_by = :me::uuid)`;

export function visibilityParameters(): { me: string | null; all: boolean } {
  const actor = currentTenantActor();
  return { me: actor.userId, all: seesEverySession(actor) };
}
