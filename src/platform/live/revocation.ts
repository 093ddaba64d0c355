import type { LiveSignals } from '../../contracts/live-events.js';
import type { TenantActor } from '../access/actor.js';

type Revocation = LiveSignals['access.revoked'];

/** All the ids that the revocation names have to be the actor's. */
export function concerns(revoked: Revocation, actor: TenantActor): boolean {
  return (
    revoked.tenantId === actor.tenantId &&
    (revoked.userId === undefined || revoked.userId === actor.userId) &&
    (revoked.credentialId === undefined || revoked.credentialId === actor.credentialId)
  );
}
