-- Collections of documents, what was cut out of them, and the work of taking them in.

CREATE TABLE rag_collections (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  description text,
  language text NOT NULL,
  chunking jsonb NOT NULL,
  -- By whom it can be read; null: by the tenant.
  user_ids uuid[],
  metadata jsonb NOT NULL DEFAULT '{}',
  -- The vectors that serve: those of `space_id`, made by this model.
  embedding_model text NOT NULL,
  dimensions integer NOT NULL,
  space_id uuid NOT NULL,
  -- The vectors that are to take their place, while they are being made.
  next_model text,
  next_dimensions integer,
  next_space_id uuid,
  -- In all states.
  document_count integer NOT NULL DEFAULT 0,
  -- Of the versions of documents that are live: chunks, and words in them.
  chunk_count integer NOT NULL DEFAULT 0,
  term_total bigint NOT NULL DEFAULT 0,
  -- The number given last to a version of a document.
  last_number integer NOT NULL DEFAULT 0,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  CHECK ((next_space_id IS NULL) = (next_model IS NULL) AND (next_space_id IS NULL) = (next_dimensions IS NULL))
);
CREATE INDEX rag_collections_deleted ON rag_collections (deleted_at) WHERE deleted_at IS NOT NULL;
SELECT atrium_tenant_table('rag_collections', 'SELECT, INSERT, UPDATE, DELETE');
-- The sweeper of what was deleted.
SELECT atrium_system_reach('rag_collections', 'SELECT');

CREATE TABLE rag_documents (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  collection_id uuid NOT NULL,
  title text NOT NULL,
  -- Null until the page of a URL was read.
  mime_type text,
  size_bytes bigint,
  source text NOT NULL CHECK (source IN ('text', 'file', 'url')),
  -- The name of an uploaded file, or the URL.
  origin text,
  -- SHA-256 of the bytes, or of the URL: what is given twice is known by it.
  source_hash bytea NOT NULL,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'parsing', 'embedding', 'ready', 'failed')),
  progress real NOT NULL DEFAULT 0,
  error jsonb,
  -- Of the version that is found by searches, and of the one that is being made.
  number integer,
  next_number integer,
  -- Of the version that is found.
  chunk_count integer NOT NULL DEFAULT 0,
  term_total bigint NOT NULL DEFAULT 0,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX rag_documents_of_source ON rag_documents (tenant_id, collection_id, source_hash);
CREATE UNIQUE INDEX rag_documents_live ON rag_documents (tenant_id, collection_id, number);
CREATE INDEX rag_documents_of_collection ON rag_documents (tenant_id, collection_id, id DESC);
SELECT atrium_tenant_table('rag_documents', 'SELECT, INSERT, UPDATE, DELETE');
-- The sweeper of bytes that belong to no document.
SELECT atrium_system_reach('rag_documents', 'SELECT');

-- Texts that were given as such; the bytes of files are in the storage.
CREATE TABLE rag_texts (
  tenant_id uuid NOT NULL,
  document_id uuid NOT NULL,
  text text NOT NULL,
  PRIMARY KEY (tenant_id, document_id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES rag_documents (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('rag_texts', 'SELECT, INSERT, DELETE');

-- Chunks of any version: those whose document has another number by now are found by nothing.
CREATE TABLE rag_chunks (
  tenant_id uuid NOT NULL,
  collection_id uuid NOT NULL,
  -- Of the document's version, and the chunk's place in it, from 0.
  number integer NOT NULL,
  position integer NOT NULL,
  id uuid NOT NULL,
  document_id uuid NOT NULL,
  content text NOT NULL,
  page integer,
  heading_path text[] NOT NULL,
  -- In the document's text, in UTF-16 units.
  start_at integer NOT NULL,
  end_at integer NOT NULL,
  -- Words in it, repeated ones counted.
  term_count integer NOT NULL,
  -- SHA-256 of what is embedded.
  hash bytea NOT NULL,
  PRIMARY KEY (tenant_id, collection_id, number, position),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX rag_chunks_id ON rag_chunks (tenant_id, id);
SELECT atrium_tenant_table('rag_chunks', 'SELECT, INSERT, DELETE');

-- The work of taking a document in; gone when it is done.
CREATE TABLE rag_ingestions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  collection_id uuid NOT NULL,
  document_id uuid NOT NULL,
  -- `parse`: from its bytes; `embed`: its chunks are there, vectors of them are missing.
  stage text NOT NULL CHECK (stage IN ('parse', 'embed')),
  -- Tries in a row that failed for a reason which may pass, and stored nothing.
  failures integer NOT NULL DEFAULT 0,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running')),
  cancel_requested_at timestamptz,
  pause_requested_at timestamptz,
  run_after timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  barren_takeovers integer NOT NULL DEFAULT 0,
  progressed boolean NOT NULL DEFAULT false,
  lease_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, document_id) REFERENCES rag_documents (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX rag_ingestions_of_document ON rag_ingestions (tenant_id, document_id);
CREATE INDEX rag_ingestions_of_collection ON rag_ingestions (tenant_id, collection_id);
CREATE INDEX rag_ingestions_open ON rag_ingestions (tenant_id, status);
CREATE INDEX rag_ingestions_due ON rag_ingestions (run_after) WHERE status = 'queued';
CREATE INDEX rag_ingestions_leased ON rag_ingestions (lease_until) WHERE status = 'running';
SELECT atrium_tenant_table('rag_ingestions', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('rag_ingestions', 'SELECT, UPDATE');

-- Versions of documents whose chunks nobody needs any more; null: all of the collection's vectors in a space.
CREATE TABLE rag_garbage (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  collection_id uuid NOT NULL,
  number integer,
  space_id uuid,
  dimensions integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CHECK ((number IS NULL) <> (space_id IS NULL)),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX rag_garbage_of_collection ON rag_garbage (tenant_id, collection_id);
SELECT atrium_tenant_table('rag_garbage', 'SELECT, INSERT, DELETE');
SELECT atrium_system_reach('rag_garbage', 'SELECT');

-- Which documents a request named, for as long as it may be repeated.
CREATE TABLE rag_batches (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  collection_id uuid NOT NULL,
  document_ids uuid[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX rag_batches_by_age ON rag_batches (created_at);
SELECT atrium_tenant_table('rag_batches', 'SELECT, INSERT');
SELECT atrium_system_reach('rag_batches', 'SELECT, DELETE');
