import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { PermissionRequest } from '../permissions/permission.js';
import { PERMISSION_COLUMNS } from '../permissions/permissions.repository.js';
import { shownPermission } from '../permissions/permissions.dto.js';
import type { EventOfCall } from './answer-events.js';

type Asked = PermissionRequest & { isRequestTold: boolean; isDecisionTold: boolean };

/** SQL: the run `:runId` has such an event of the permission `p`. */
const told = (type: string): string => `EXISTS (
  SELECT 1 FROM run_events e WHERE e.tenant_id = p.tenant_id AND e.run_id = :runId AND e.type = '${type}'
    AND e.data #>> '{permission,id}' = p.id::text)`;

/** What people are asked by agents that a run has asked, shown in the run's own events: that is what they look at. */
@Injectable()
export class AskedBelow {
  constructor(private readonly db: Db) {}

  /** What of it is still to be told. */
  async untold(runId: string): Promise<EventOfCall[]> {
    const rows = await this.db.sql<object>(
      `WITH RECURSIVE below AS (
         SELECT t.run_id FROM agent_tasks t WHERE t.tenant_id = :tenantId AND t.parent_run_id = :runId
         UNION ALL
         SELECT t.run_id FROM below b JOIN agent_tasks t ON t.tenant_id = :tenantId AND t.parent_run_id = b.run_id
       )
       SELECT ${PERMISSION_COLUMNS}, ${told('permission.requested')} AS is_request_told,
         ${told('permission.decided')} AS is_decision_told
       FROM below b JOIN permissions p ON p.tenant_id = :tenantId AND p.run_id = b.run_id ORDER BY p.id`,
      { runId },
    );
    return rows.map((row) => camelRow<Asked>(row)).flatMap(eventOf);
  }
}

function eventOf({ isRequestTold, isDecisionTold, ...permission }: Asked): EventOfCall[] {
  const data = { permission: shownPermission(permission) };
  if (permission.status === 'pending') return isRequestTold ? [] : [{ type: 'permission.requested', data }];
  return isRequestTold && !isDecisionTold ? [{ type: 'permission.decided', data }] : [];
}
