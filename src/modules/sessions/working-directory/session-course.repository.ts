import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { SessionCourse } from '../../workspaces/workspaces.service.js';

@Injectable()
export class SessionCourseRepository {
  constructor(private readonly db: Db) {}

  /**
   * What the session and those that agents began for it are by now, and stay until the transaction ends. Those are archived
   * with the session where a person began. Locked from there on downwards.
   */
  async lock(id: string): Promise<{ id: string; course: SessionCourse }[]> {
    await this.db.sql(
      `SELECT 1 FROM sessions WHERE tenant_id = :tenantId
         AND id = (SELECT coalesce(root_session_id, id) FROM sessions WHERE tenant_id = :tenantId AND id = :id)
       FOR NO KEY UPDATE`,
      { id },
    );
    await this.db.sql(
      `SELECT 1 FROM sessions WHERE tenant_id = :tenantId AND (id = :id OR root_session_id = :id)
       ORDER BY id FOR NO KEY UPDATE`,
      { id },
    );
    return this.db.sql<{ id: string; course: SessionCourse }>(
      `SELECT s.id, CASE WHEN s.deleted_at IS NOT NULL THEN 'deleted'
                         WHEN 'archived' IN (s.status, root.status) THEN 'archived' ELSE 'open' END AS course
       FROM sessions s LEFT JOIN sessions root ON root.tenant_id = s.tenant_id AND root.id = s.root_session_id
       WHERE s.tenant_id = :tenantId AND (s.id = :id OR s.root_session_id = :id) ORDER BY s.id`,
      { id },
    );
  }
}
