-- Uploaded files; their bytes are in the file storage, under the tenant's and the file's id.
CREATE TABLE files (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  -- As found in the bytes.
  mime_type text NOT NULL,
  size_bytes bigint NOT NULL,
  -- SHA-256 in hex.
  sha256 text NOT NULL,
  -- Of an image in pixels, of a PDF in pages, and why a PDF can not be read.
  width integer,
  height integer,
  pages integer,
  fault text CHECK (fault IN ('encrypted', 'broken', 'too_complex')),
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
SELECT atrium_tenant_table('files', 'SELECT, INSERT, UPDATE, DELETE');
-- The sweeper of bytes that belong to no file.
SELECT atrium_system_reach('files', 'SELECT');

-- Which sessions' messages use a file: who may see one of them sees the file.
CREATE TABLE file_uses (
  tenant_id uuid NOT NULL,
  file_id uuid NOT NULL,
  session_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, file_id, session_id),
  FOREIGN KEY (tenant_id, file_id) REFERENCES files (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX file_uses_of_session ON file_uses (tenant_id, session_id);
SELECT atrium_tenant_table('file_uses', 'SELECT, INSERT, DELETE');
