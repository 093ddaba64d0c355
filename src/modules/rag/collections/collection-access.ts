import { currentTenantActor } from '../../../platform/access/scope.js';

/**
 * SQL over a `rag_collections` row named `c`: the caller may read it. Binds `:me` and `:isOwner` from
 * `readerParameters`. One that is left to nobody, since all who were named have gone, falls to the owners.
 */
export const READABLE_COLLECTION = `c.deleted_at IS NULL AND (
  c.user_ids IS NULL OR :me::uuid = ANY (c.user_ids)
  OR :isOwner::boolean AND NOT EXISTS (
    SELECT 1 FROM memberships m WHERE m.tenant_id = c.tenant_id AND m.user_id = ANY (c.user_ids)))`;

export function readerParameters(): { me: string | null; isOwner: boolean } {
  const { userId, role } = currentTenantActor();
  return { me: userId, isOwner: role === 'owner' };
}
