import { Injectable } from '@nestjs/common';
import { AccessDenied, NotFound } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Cursors } from '../../../platform/http/pagination.js';
import type { PermissionGrant } from './permission.js';
import { shownGrant, type ListPermissionGrantsQuery, type PermissionGrantPage } from './permission-grants.dto.js';
import { PermissionGrantsRepository } from './permission-grants.repository.js';

/** What people have permitted for good, until they take it back. */
@Injectable()
export class PermissionGrantsService {
  constructor(
    private readonly grants: PermissionGrantsRepository,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** @throws NotFound */
  async require(id: string): Promise<PermissionGrant> {
    const grant = await this.grants.findVisible(id);
    if (!grant) throw new NotFound('Permission grant');
    return grant;
  }

  async list({ sessionId, agentId, cursor, limit }: ListPermissionGrantsQuery): Promise<PermissionGrantPage> {
    const before = this.cursors.id(cursor);
    const rows = await this.grants.list({ sessionId, agentId, before, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownGrant);
  }

  /** From the next call on people are asked again. @throws NotFound, AccessDenied */
  async revoke(id: string): Promise<void> {
    await this.db.run(async () => {
      const { sessionId, agentId, tool } = await this.require(id);
      if (agentId !== null && !currentTenantActor().permissions.has('agents:update'))
        throw new AccessDenied("To take back what is an agent's needs agents:update", {
          details: { permission: 'agents:update' },
        });
      if (!(await this.grants.remove(id))) throw new NotFound('Permission grant');
      await this.events.publish('permission.grantRevoked', {
        ...{ resourceType: 'permissionGrant', resourceId: id },
        payload: { sessionId, agentId, tool },
      });
    });
  }
}
