import { Injectable } from '@nestjs/common';
import { camelRow } from '../../../platform/database/camel-row.js';
import { Db } from '../../../platform/database/db.js';
import type { StorageKey } from '../../../platform/storage/file-storage.js';
import { visibilityParameters, VISIBLE_SESSION } from '../visibility.js';
import type { StoredFile } from './file.js';

const COLUMNS = `f.tenant_id, f.id, f.name, f.mime_type, f.size_bytes, f.sha256, f.width, f.height, f.pages, f.fault,
  f.created_by, f.created_at`;

/** A file is its uploader's; once messages use it, it is also of those who may see one of their sessions. */
const VISIBLE_FILE = `(f.created_by = :me::uuid OR EXISTS (
  SELECT 1 FROM file_uses u JOIN sessions s ON s.tenant_id = u.tenant_id AND s.id = u.session_id
  WHERE u.tenant_id = f.tenant_id AND u.file_id = f.id AND ${VISIBLE_SESSION}))`;

@Injectable()
export class FilesRepository {
  constructor(private readonly db: Db) {}

  async add(file: Omit<StoredFile, 'tenantId'>): Promise<void> {
    await this.db.sql(
      `INSERT INTO files (tenant_id, id, name, mime_type, size_bytes, sha256, width, height, pages, fault, created_by, created_at)
       VALUES (:tenantId, :id, :name, :mimeType, :sizeBytes, :sha256, :width, :height, :pages, :fault, :createdBy, :createdAt)`,
      { ...file },
    );
  }

  async findVisible(id: string): Promise<StoredFile | null> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM files f WHERE f.tenant_id = :tenantId AND f.id = :id AND ${VISIBLE_FILE}`,
      { id, ...visibilityParameters() },
    );
    return rows[0] ? fileOf(rows[0]) : null;
  }

  /** Those of them that the caller may see; they can't be deleted until the transaction ends. */
  async findUsable(ids: readonly string[]): Promise<StoredFile[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM files f
       WHERE f.tenant_id = :tenantId AND f.id = ANY(:ids::uuid[]) AND ${VISIBLE_FILE}
       ORDER BY f.id FOR KEY SHARE OF f`,
      { ids, ...visibilityParameters() },
    );
    return rows.map(fileOf);
  }

  /** Those of them that still are, whoever may see them: the messages that name them were let in. */
  async named(ids: readonly string[]): Promise<StoredFile[]> {
    const rows = await this.db.sql<object>(
      `SELECT ${COLUMNS} FROM files f WHERE f.tenant_id = :tenantId AND f.id = ANY(:ids::uuid[])`,
      { ids },
    );
    return rows.map(fileOf);
  }

  /** False when it is gone already. */
  async remove(id: string): Promise<boolean> {
    const rows = await this.db.sql('DELETE FROM files WHERE tenant_id = :tenantId AND id = :id RETURNING id', { id });
    return rows.length > 0;
  }

  /** Messages of the session use them from now on. */
  async addUses(sessionId: string, fileIds: readonly string[]): Promise<void> {
    await this.db.sql(
      `INSERT INTO file_uses (tenant_id, file_id, session_id)
       SELECT :tenantId, id, :sessionId FROM unnest(:fileIds::uuid[]) AS id ON CONFLICT DO NOTHING`,
      { sessionId, fileIds },
    );
  }

  /** For messages that were copied from one session to another: the files that the copies name and that still are. */
  async copyUses(fromSessionId: string, toSessionId: string): Promise<void> {
    await this.db.sql(
      `INSERT INTO file_uses (tenant_id, file_id, session_id)
       SELECT u.tenant_id, u.file_id, :toSessionId
       FROM file_uses u JOIN files f ON f.tenant_id = u.tenant_id AND f.id = u.file_id
       WHERE u.tenant_id = :tenantId AND u.session_id = :fromSessionId AND EXISTS (
         SELECT 1 FROM messages m, jsonb_array_elements(m.blocks) AS block
         WHERE m.tenant_id = :tenantId AND m.session_id = :toSessionId AND m.role = 'user'
           AND block ->> 'fileId' = u.file_id::text)
       FOR KEY SHARE OF f
       ON CONFLICT DO NOTHING`,
      { fromSessionId, toSessionId },
    );
  }

  /**
   * Of these, those whose tenant is of this database and has no such file. Bytes of other tenants may be another
   * installation's, which shares the folder. Needs a system actor.
   */
  async withoutFile(keys: readonly StorageKey[]): Promise<StorageKey[]> {
    return this.db.systemSql<StorageKey>(
      `SELECT k.tenant_id AS "tenantId", k.id FROM unnest(:tenantIds::uuid[], :ids::uuid[]) AS k(tenant_id, id)
       WHERE EXISTS (SELECT 1 FROM tenants t WHERE t.id = k.tenant_id)
         AND NOT EXISTS (SELECT 1 FROM files f WHERE f.tenant_id = k.tenant_id AND f.id = k.id)`,
      { tenantIds: keys.map(({ tenantId }) => tenantId), ids: keys.map(({ id }) => id) },
    );
  }
}

function fileOf(row: object): StoredFile {
  const file = camelRow<StoredFile>(row);
  return { ...file, sizeBytes: Number(file.sizeBytes) };
}
