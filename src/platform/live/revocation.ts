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

/** Socket.IO rooms by which an actor's sockets are found in all processes; clients can't enter them. */
export function roomsOf({ tenantId, userId, credentialId }: TenantActor): string[] {
  const rooms = [`tenant:${tenantId}`];
  if (userId !== null) rooms.push(`user:${tenantId}:${userId}`);
  if (credentialId !== null) rooms.push(`credential:${tenantId}:${credentialId}`);
  return rooms;
}

/** The narrowest room that holds all whom the revocation concerns. */
export function revokedRoom({ tenantId, userId, credentialId }: Revocation): string {
  if (credentialId !== undefined) return `credential:${tenantId}:${credentialId}`;
  return userId !== undefined ? `user:${tenantId}:${userId}` : `tenant:${tenantId}`;
}
