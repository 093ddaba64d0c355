import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import type { SessionCourse } from '../../workspaces/workspaces.service.js';

@Injectable()
export class SessionCourseRepository {
  constructor(private readonly db: Db) {}

  /** What the session is by now, and stays until the transaction ends. */
  async lock(id: string): Promise<SessionCourse | null> {
    const [row] = await this.db.sql<{ course: SessionCourse }>(
      `SELECT CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN status = 'archived' THEN 'archived' ELSE 'open' END AS course
       FROM sessions WHERE tenant_id = :tenantId AND id = :id FOR NO KEY UPDATE`,
      { id },
    );
    return row?.course ?? null;
  }
}
