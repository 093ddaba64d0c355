-- A tenant that was not there, or had little, when the statistics were made is taken by the planner to have one row, and
-- any index that begins with the tenant to be as good as the one that is meant: looking up 1,000 texts by their hashes
-- then reads all of a collection 1,000 times. Without statistics each tenant, and each collection, is taken to have a part
-- of them.
ALTER TABLE rag_documents ALTER tenant_id SET STATISTICS 0, ALTER collection_id SET STATISTICS 0;
ALTER TABLE rag_chunks ALTER tenant_id SET STATISTICS 0;
ALTER TABLE rag_ingestions ALTER tenant_id SET STATISTICS 0;
ALTER TABLE rag_garbage ALTER tenant_id SET STATISTICS 0;

-- To lock what is being cleared away.
GRANT UPDATE (created_at) ON rag_garbage TO atrium_app;

-- An index over vectors that are there already is made several times as fast as one that they are added to, so a bucket
-- gets its index once the vectors of its first collection are in it.

CREATE OR REPLACE FUNCTION atrium_vector_table(dimensions integer, bucket integer) RETURNS void
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
  EXECUTE format('CREATE INDEX %I ON %I (tenant_id, hash, space_id)', name || '_hash', name);
  EXECUTE format('ALTER TABLE %I ALTER tenant_id SET STATISTICS 0, ALTER space_id SET STATISTICS 0', name);
  -- UPDATE for its row locks.
  PERFORM atrium_tenant_table(name::regclass, 'SELECT, INSERT, UPDATE, DELETE');
END $$;

-- What is looked up comes right behind the tenant (as in the indexes that follow). The names of these tables are known
-- here alone, so theirs are not made concurrently.
DO $$
DECLARE
  name text;
BEGIN
  FOR name IN
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^rag_vectors_[0-9]+(_[0-9]+)?$'
  LOOP
    EXECUTE format('DROP INDEX %I', name || '_hash');
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id, hash, space_id)', name || '_hash', name);
    EXECUTE format('ALTER TABLE %I ALTER tenant_id SET STATISTICS 0, ALTER space_id SET STATISTICS 0', name);
  END LOOP;
END $$;

-- Makes the HNSW index of a bucket whose table is there, unless another connection is at it, or is moving vectors there:
-- that one will. Meanwhile the bucket is read, but not written to; whoever moves vectors to it holds the same lock, shared.
CREATE FUNCTION atrium_vector_index(dimensions integer, bucket integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp
-- Processes that share the work need more shared memory than containers are given.
SET max_parallel_maintenance_workers = 0 AS $$
DECLARE
  name text := format('rag_vectors_%s_%s', dimensions, bucket);
BEGIN
  IF dimensions IS NULL OR dimensions NOT BETWEEN 1 AND 4000 OR bucket IS NULL OR bucket NOT BETWEEN 1 AND 32 THEN
    RAISE EXCEPTION 'There is no vector index of % dimensions, bucket %', dimensions, bucket USING ERRCODE = '22023';
  END IF;
  IF NOT pg_try_advisory_xact_lock(7313, dimensions * 100 + bucket) THEN RETURN; END IF;
  IF EXISTS (SELECT FROM pg_class WHERE relname = name || '_hnsw' AND relnamespace = 'public'::regnamespace) THEN
    RETURN;
  END IF;
  -- Holds the graph of 148,000 vectors of 384 dimensions (64 MB are full with 37,202); only what is needed is taken.
  IF pg_size_bytes(current_setting('maintenance_work_mem')) < 256 * 1024 * 1024 THEN
    PERFORM set_config('maintenance_work_mem', '256MB', true);
  END IF;
  EXECUTE format('CREATE INDEX %I ON %I USING hnsw (embedding halfvec_ip_ops) WITH (m = 24, ef_construction = 64)',
    name || '_hnsw', name);
  -- To the function below, a table with a new index looks as if it had been analyzed.
  EXECUTE format('ANALYZE %I', name);
END $$;

-- From the next statement of the transaction on, one whose client is gone is broken off; where the system can tell.
CREATE FUNCTION atrium_end_without_client() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('client_connection_check_interval', '1000', true);
EXCEPTION WHEN OTHERS THEN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION atrium_end_without_client() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_end_without_client() TO atrium_app;
REVOKE EXECUTE ON FUNCTION atrium_vector_index(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_vector_index(integer, integer) TO atrium_app;

-- Lets the planner know the tables of knowledge that have grown to twice what they were when it last looked: a first load
-- would be over before the database does it by itself, and the embedded one never does. Until then, what is looked up by
-- its hash is searched for in all of a collection.
CREATE FUNCTION atrium_analyze_knowledge() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  table_oid oid;
BEGIN
  FOR table_oid IN
    SELECT c.oid FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname LIKE 'rag\_%'
      AND pg_relation_size(c.oid) > 8192 * greatest(20, 2 * c.relpages::bigint)
  LOOP
    BEGIN
      -- One that is being vacuumed, or indexed, has its turn the next time.
      EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', table_oid::regclass);
      EXECUTE format('ANALYZE %s', table_oid::regclass);
    EXCEPTION WHEN lock_not_available THEN NULL;
    END;
  END LOOP;
END $$;
REVOKE EXECUTE ON FUNCTION atrium_analyze_knowledge() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_analyze_knowledge() TO atrium_system;
