-- Working directories of sessions. Their files are on the disk, in the tenant's and the session's folder, or in the archive
-- storage under the tenant's and the archive's id.
CREATE TABLE workspaces (
  tenant_id uuid NOT NULL,
  session_id uuid NOT NULL,
  -- Of all files; how many these are, and how many files and folders together.
  size_bytes bigint NOT NULL DEFAULT 0,
  file_count integer NOT NULL DEFAULT 0,
  entry_count integer NOT NULL DEFAULT 0,
  -- What happened on the disk was not, or not surely, counted: to be counted anew.
  uncounted boolean NOT NULL DEFAULT false,
  -- Where the files are. An archive may be there beside the folder, as long as both hold the same.
  place text NOT NULL DEFAULT 'folder' CHECK (place IN ('folder', 'archive')),
  archive_id uuid,
  archived_at timestamptz,
  -- Where they belong, as the session's state says; `nothing` for a deleted session's, when its time has come.
  wanted text NOT NULL DEFAULT 'folder' CHECK (wanted IN ('folder', 'archive', 'nothing')),
  -- When the sweeper has something to do here.
  due_at timestamptz,
  -- Whoever changes the files has the turn, for as long as it is renewed; every turn has a number of its own.
  lease_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, session_id),
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  CHECK (place = 'folder' OR archive_id IS NOT NULL)
);
CREATE INDEX workspaces_open ON workspaces (due_at)
  WHERE due_at IS NOT NULL OR lease_until IS NOT NULL OR uncounted;
SELECT atrium_tenant_table('workspaces', 'SELECT, INSERT, UPDATE, DELETE');
-- The sweeper, which asks what is due, and which folders and archives belong to none.
SELECT atrium_system_reach('workspaces', 'SELECT');
