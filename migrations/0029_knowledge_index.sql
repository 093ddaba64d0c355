-- What searches of collections read: vectors, and postings of words.

-- Vectors of one dimension, in a table made when the dimension is first used. Bucket 0 is written to and searched
-- exactly; each other one has an HNSW index, and takes over the vectors of collections that have many of them.
-- Idempotent; best in a transaction of its own, since a new table's foreign key locks rag_collections against writes.
CREATE FUNCTION atrium_vector_table(dimensions integer, bucket integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  name text := 'rag_vectors_' || dimensions || CASE WHEN bucket = 0 THEN '' ELSE '_' || bucket END;
BEGIN
  IF dimensions IS NULL OR dimensions NOT BETWEEN 1 AND 4000 OR bucket IS NULL OR bucket NOT BETWEEN 0 AND 32 THEN
    RAISE EXCEPTION 'There is no vector table of % dimensions, bucket %', dimensions, bucket USING ERRCODE = '22023';
  END IF;
  IF to_regclass(name) IS NOT NULL THEN RETURN; END IF;
  -- Of the transaction, so it is gone with it. In the embedded database transactions follow each other anyway.
  PERFORM pg_advisory_xact_lock(7312, dimensions);
  -- Not by to_regclass, which may still know what was before the lock.
  IF EXISTS (SELECT FROM pg_class WHERE relname = name AND relnamespace = 'public'::regnamespace) THEN RETURN; END IF;
  EXECUTE format('
    CREATE TABLE %I (
      tenant_id uuid NOT NULL,
      collection_id uuid NOT NULL,
      space_id uuid NOT NULL,
      number integer NOT NULL,
      position integer NOT NULL,
      hash bytea NOT NULL,
      embedding halfvec(%s) NOT NULL,
      PRIMARY KEY (tenant_id, collection_id, space_id, number, position),
      FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
    )', name, dimensions);
  -- Out of line, each vector would cost a search one more look-up.
  EXECUTE format('ALTER TABLE %I ALTER embedding SET STORAGE PLAIN, ALTER hash SET STORAGE PLAIN', name);
  -- With no column in common with the key: as long as there are no statistics, the planner takes one for the other.
  EXECUTE format('CREATE INDEX %I ON %I (hash)', name || '_hash', name);
  IF bucket > 0 THEN
    EXECUTE format('CREATE INDEX %I ON %I USING hnsw (embedding halfvec_ip_ops) WITH (m = 24, ef_construction = 64)',
      name || '_hnsw', name);
  END IF;
  -- UPDATE for its row locks.
  PERFORM atrium_tenant_table(name::regclass, 'SELECT, INSERT, UPDATE, DELETE');
END $$;
REVOKE EXECUTE ON FUNCTION atrium_vector_table(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_vector_table(integer, integer) TO atrium_app;

-- The vectors of a collection made by one model, once they are many: where they are, beside bucket 0.
CREATE TABLE rag_vector_spaces (
  tenant_id uuid NOT NULL,
  collection_id uuid NOT NULL,
  space_id uuid NOT NULL,
  dimensions integer NOT NULL,
  bucket integer NOT NULL CHECK (bucket > 0),
  PRIMARY KEY (tenant_id, collection_id, space_id),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('rag_vector_spaces', 'SELECT, INSERT, DELETE');
-- So that a large collection gets a bucket that is little used.
SELECT atrium_system_reach('rag_vector_spaces', 'SELECT');

-- Postings as they come: all words of successive chunks of a version.
CREATE TABLE rag_fresh_postings (
  tenant_id uuid NOT NULL,
  collection_id uuid NOT NULL,
  number integer NOT NULL,
  -- Of the first of the chunks.
  position integer NOT NULL,
  chunk_count integer NOT NULL,
  content bytea NOT NULL,
  -- The segment that will hold them.
  merging_into uuid,
  PRIMARY KEY (tenant_id, collection_id, number, position),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE rag_fresh_postings ALTER content SET STORAGE EXTERNAL;
SELECT atrium_tenant_table('rag_fresh_postings', 'SELECT, INSERT, UPDATE, DELETE');
-- Finds the collections whose postings are to be merged.
SELECT atrium_system_reach('rag_fresh_postings', 'SELECT');

-- Postings of many versions together, by word. A segment never changes: it is merged into another one.
CREATE TABLE rag_segments (
  tenant_id uuid NOT NULL,
  collection_id uuid NOT NULL,
  id uuid NOT NULL,
  status text NOT NULL CHECK (status IN ('building', 'ready', 'dropped')),
  chunk_count integer NOT NULL,
  -- Whose chunks these are, in the order in which postings count them.
  pieces bytea NOT NULL,
  merging_into uuid,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, collection_id, id),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
ALTER TABLE rag_segments ALTER pieces SET STORAGE EXTERNAL;
SELECT atrium_tenant_table('rag_segments', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('rag_segments', 'SELECT');

CREATE TABLE rag_postings (
  tenant_id uuid NOT NULL,
  collection_id uuid NOT NULL,
  segment_id uuid NOT NULL,
  term text COLLATE "C" NOT NULL,
  -- Chunks that have the word, and the last of them.
  chunk_count integer NOT NULL,
  last_chunk integer NOT NULL,
  postings bytea NOT NULL,
  PRIMARY KEY (tenant_id, collection_id, segment_id, term),
  FOREIGN KEY (tenant_id, collection_id, segment_id) REFERENCES rag_segments (tenant_id, collection_id, id)
    ON DELETE CASCADE
);
ALTER TABLE rag_postings ALTER postings SET STORAGE EXTERNAL;
SELECT atrium_tenant_table('rag_postings', 'SELECT, INSERT, DELETE');

-- Versions that are no more, and may still be counted in segments.
CREATE TABLE rag_dropped_versions (
  tenant_id uuid NOT NULL,
  collection_id uuid NOT NULL,
  number integer NOT NULL,
  PRIMARY KEY (tenant_id, collection_id, number),
  FOREIGN KEY (tenant_id, collection_id) REFERENCES rag_collections (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('rag_dropped_versions', 'SELECT, INSERT, DELETE');
SELECT atrium_system_reach('rag_dropped_versions', 'SELECT');
