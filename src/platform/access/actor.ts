import { permissionsOf, type Permission, type Role } from '../../contracts/permissions.js';

/** Who acts in a tenant: a person, a person's API key, or work that goes on for them. */
export interface TenantActor {
  readonly kind: 'user' | 'apiKey' | 'job';
  readonly tenantId: string;
  /** Null only for work that no person started. */
  readonly userId: string | null;
  readonly role: Role | null;
  readonly permissions: ReadonlySet<Permission>;
  /** The login (token family) or the API key by which they came. */
  readonly credentialId: string | null;
  readonly superadmin: boolean;
}

/** Work outside any tenant; the database lets it do only what `atrium_system` was granted. */
export interface SystemActor {
  readonly kind: 'system';
  readonly reason: string;
}

export type Actor = TenantActor | SystemActor;

export const Actor = {
  /** Allowed only in the files that lint lists. */
  system(reason: string): SystemActor {
    return { kind: 'system', reason };
  },

  /** Queued work of a tenant; `userId` is whoever started it. */
  job(tenantId: string, userId: string | null = null): TenantActor {
    return {
      kind: 'job',
      tenantId,
      userId,
      role: null,
      permissions: permissionsOf('owner'),
      credentialId: null,
      superadmin: false,
    };
  },
};
