import { Injectable } from '@nestjs/common';
import { camelRow } from '../../platform/database/camel-row.js';
import { Db } from '../../platform/database/db.js';
import type { StorageKey } from '../../platform/storage/file-storage.js';
import type { Totals } from './session-folder.js';
import type { FolderKey } from './workspace-folders.js';

/** Where a session's files belong. */
export type Wanted = 'folder' | 'archive' | 'nothing';

export interface WorkspaceRow {
  sessionId: string;
  sizeBytes: number;
  fileCount: number;
  entryCount: number;
  uncounted: boolean;
  place: 'folder' | 'archive';
  archiveId: string | null;
  wanted: Wanted;
  /** The sweeper has something to do. */
  isDue: boolean;
  fence: number;
}

const COLUMNS = `session_id, size_bytes, file_count, entry_count, uncounted, place, archive_id, wanted, fence,
  coalesce(due_at <= now(), false) AS is_due`;

/** How long a turn lasts without being renewed. */
const LEASE = "interval '10 seconds'";

const OURS = 'tenant_id = :tenantId AND session_id = :sessionId';

@Injectable()
export class WorkspacesRepository {
  constructor(private readonly db: Db) {}

  async find(sessionId: string): Promise<WorkspaceRow | null> {
    const text = `SELECT ${COLUMNS} FROM workspaces WHERE ${OURS}`;
    return rowOf(await this.db.sql<object>(text, { sessionId }));
  }

  /** The session, if it is new here, can't be deleted or locked by others until the transaction ends. */
  async ensure(sessionId: string): Promise<void> {
    await this.db.sql(
      'INSERT INTO workspaces (tenant_id, session_id) VALUES (:tenantId, :sessionId) ON CONFLICT DO NOTHING',
      { sessionId },
    );
  }

  /** Null while somebody else has the turn. One whose holder never ended it leaves the row uncounted. */
  async take(sessionId: string): Promise<WorkspaceRow | null> {
    const rows = await this.db.sql<object>(
      `UPDATE workspaces SET fence = fence + 1, uncounted = uncounted OR lease_until IS NOT NULL,
         lease_until = now() + ${LEASE}
       WHERE ${OURS} AND (lease_until IS NULL OR lease_until < now()) RETURNING ${COLUMNS}`,
      { sessionId },
    );
    return rowOf(rows);
  }

  /** False when the turn is somebody else's by now. */
  async renew({ sessionId, fence }: WorkspaceRow): Promise<boolean> {
    const rows = await this.db.sql(
      `UPDATE workspaces SET lease_until = now() + ${LEASE} WHERE ${OURS} AND fence = :fence RETURNING fence`,
      { sessionId, fence },
    );
    return rows.length > 0;
  }

  /**
   * Ends the turn with what it has come to. If it is somebody else's by now, they are told to count. An archive is not
   * looked after any more once the files may change in their folder; the sweeper finds it.
   */
  async end(row: WorkspaceRow): Promise<void> {
    const rows = await this.db.sql(
      `UPDATE workspaces SET lease_until = NULL, updated_at = now(), size_bytes = :sizeBytes, file_count = :fileCount,
         entry_count = :entryCount, uncounted = :uncounted, place = :place,
         archive_id = CASE WHEN :place = 'archive' OR wanted = 'archive' THEN :archiveId::uuid END
       WHERE ${OURS} AND fence = :fence RETURNING fence`,
      { ...row },
    );
    if (rows.length > 0) return;
    await this.db.sql(`UPDATE workspaces SET uncounted = true WHERE ${OURS}`, { sessionId: row.sessionId });
  }

  /** The files are in this archive from now on. False where that is not wanted any more, or the turn is not ours. */
  async putAway({ sessionId, fence }: WorkspaceRow, archiveId: string, totals: Totals): Promise<boolean> {
    const rows = await this.db.sql(
      `UPDATE workspaces SET place = 'archive', archive_id = :archiveId, archived_at = now(), updated_at = now(),
         size_bytes = :sizeBytes, file_count = :files, entry_count = :entries, uncounted = false
       WHERE ${OURS} AND fence = :fence AND wanted = 'archive' RETURNING fence`,
      { sessionId, fence, archiveId, ...totals },
    );
    return rows.length > 0;
  }

  /** What the session's state asks for. Nothing happens where it never had a working directory. */
  async want(sessionId: string, wanted: Wanted, inDays: number | null): Promise<void> {
    await this.db.sql(
      `UPDATE workspaces SET wanted = :wanted, due_at = now() + make_interval(days => :inDays::int),
         archive_id = CASE WHEN place = 'archive' OR :wanted = 'archive' THEN archive_id END
       WHERE ${OURS} AND wanted <> :wanted`,
      { sessionId, wanted, inDays },
    );
  }

  /** When the sweeper is to look again; null: not before something happens. `wanted` is what the caller went by. */
  async setDue({ sessionId, wanted }: WorkspaceRow, inSeconds: number | null): Promise<void> {
    await this.db.sql(
      `UPDATE workspaces SET due_at = now() + make_interval(secs => :inSeconds::float8)
       WHERE ${OURS} AND wanted = :wanted`,
      { sessionId, wanted, inSeconds },
    );
  }

  /** What was due and failed is so again later, as is what could not be counted. */
  async postpone(sessionId: string, bySeconds: number): Promise<void> {
    await this.db.sql(
      `UPDATE workspaces SET due_at = now() + make_interval(secs => :bySeconds::float8)
       WHERE ${OURS} AND (due_at <= now() OR (due_at IS NULL AND uncounted))`,
      { sessionId, bySeconds },
    );
  }

  async remove({ sessionId, fence }: WorkspaceRow): Promise<void> {
    await this.db.sql(`DELETE FROM workspaces WHERE ${OURS} AND fence = :fence`, { sessionId, fence });
  }

  /** What there is to do now: what is due, and what was left by those who died. Needs a system actor. */
  async due(limit: number): Promise<FolderKey[]> {
    return this.db.systemSql<FolderKey>(
      `SELECT w.tenant_id AS "tenantId", w.session_id AS "sessionId"
       FROM workspaces w JOIN tenants t ON t.id = w.tenant_id AND t.deleted_at IS NULL
       WHERE (w.due_at IS NOT NULL OR w.lease_until IS NOT NULL OR w.uncounted)
         AND (w.lease_until IS NULL OR w.lease_until < now())
         AND (w.due_at <= now() OR w.lease_until < now() OR (w.uncounted AND w.due_at IS NULL))
       ORDER BY w.due_at LIMIT :limit`,
      { limit },
    );
  }

  /** Of these folders, those of tenants of this database that belong to no session. Needs a system actor. */
  async withoutRow(keys: readonly FolderKey[]): Promise<FolderKey[]> {
    return this.db.systemSql<FolderKey>(
      `SELECT k.tenant_id AS "tenantId", k.id AS "sessionId"
       FROM unnest(:tenantIds::uuid[], :ids::uuid[]) AS k(tenant_id, id)
       WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = k.tenant_id)
         AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.tenant_id = k.tenant_id AND w.session_id = k.id)`,
      { tenantIds: keys.map(({ tenantId }) => tenantId), ids: keys.map(({ sessionId }) => sessionId) },
    );
  }

  /** The same of archives that no session names. */
  async unnamed(keys: readonly StorageKey[]): Promise<StorageKey[]> {
    return this.db.systemSql<StorageKey>(
      `SELECT k.tenant_id AS "tenantId", k.id FROM unnest(:tenantIds::uuid[], :ids::uuid[]) AS k(tenant_id, id)
       WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = k.tenant_id)
         AND NOT EXISTS (SELECT 1 FROM workspaces w WHERE w.tenant_id = k.tenant_id AND w.archive_id = k.id)`,
      { tenantIds: keys.map(({ tenantId }) => tenantId), ids: keys.map(({ id }) => id) },
    );
  }
}

function rowOf(rows: object[]): WorkspaceRow | null {
  if (!rows[0]) return null;
  const row = camelRow<WorkspaceRow>(rows[0]);
  return { ...row, sizeBytes: Number(row.sizeBytes), fence: Number(row.fence) };
}
