-- Templates of sessions, sessions made together, and search by words.

CREATE TABLE session_templates (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  -- What sessions made from it begin with, as in the body that makes one; what is not in here is the default.
  definition jsonb NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
SELECT atrium_tenant_table('session_templates', 'SELECT, INSERT, UPDATE, DELETE');

-- The request that made it, where one made several.
ALTER TABLE sessions ADD COLUMN batch_id uuid;
CREATE INDEX sessions_of_batch ON sessions (tenant_id, batch_id) WHERE batch_id IS NOT NULL;

-- The words of a text, lower-case, in whatever language. ASCII punctuation separates words, so that addresses, paths
-- and identifiers are found by their parts.
CREATE FUNCTION atrium_words(content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT to_tsvector('pg_catalog.simple'::regconfig,
    translate(content, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                '));
END;

-- What a search looks for a text by: its words, each behind four digits of the tenant. In the index a tenant's words
-- stand together, so that the beginning of a word is looked up among the tenant's own, however many others have.
-- Of 150,000 characters, since these make 975,000 bytes at most (single letters of four bytes each) and a tsvector
-- holds 1,048,575; of 500 characters a word, since it holds words of 2,046 bytes. Without ASCII punctuation no word
-- has anything that would have to be quoted.
CREATE FUNCTION atrium_search_vector(tenant uuid, content text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT coalesce(string_agg(
    '''' || right(tenant::text, 4) || left(word.lexeme, 500) || ''':' || array_to_string(word.positions, ','), ' '), '')::tsvector
  FROM unnest(atrium_words(left(content, 150000))) AS word;
END;

-- All words have to occur, each as the beginning of one; null without any.
CREATE FUNCTION atrium_search_query(tenant uuid, wanted text) RETURNS tsquery
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
  SELECT string_agg('''' || right(tenant::text, 4) || word.lexeme || ''':*', ' & ')::tsquery
  FROM unnest(atrium_words(wanted)) AS word;
END;

REVOKE EXECUTE ON FUNCTION atrium_words(text), atrium_search_vector(uuid, text), atrium_search_query(uuid, text)
  FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_words(text), atrium_search_vector(uuid, text), atrium_search_query(uuid, text)
  TO atrium_app, atrium_search;

-- Their indexes are made afterwards, without holding anybody up.
ALTER TABLE sessions ADD COLUMN search tsvector GENERATED ALWAYS AS (atrium_search_vector(tenant_id, title)) STORED;
ALTER TABLE messages ADD COLUMN search tsvector GENERATED ALWAYS AS (atrium_search_vector(tenant_id, content)) STORED;

-- A condition like @@ uses no index where a policy has to be held first. So searches run with the rights of a role that
-- sees these columns of all tenants, in functions that name the tenant. They are planned for the words at hand, and never
-- read through a table, where other tenants' rows are too.
GRANT SELECT (tenant_id, id, title, search, deleted_at) ON sessions TO atrium_search;
CREATE POLICY search ON sessions FOR SELECT TO atrium_search USING (true);
GRANT SELECT (tenant_id, id, session_id, search, created_at, deleted_at) ON messages TO atrium_search;
CREATE POLICY search ON messages FOR SELECT TO atrium_search USING (true);

SET LOCAL ROLE atrium_search;

-- Sessions of the current tenant whose title, or one of whose messages, holds all words, with their rank: what a title
-- holds counts more than what any message does. Of the messages made until then, if given, so that the ranks of one
-- search stay as they are while the conversations go on. Who may see which of the sessions is for the caller to ask.
-- Tenants are compared as text, so that the only way to the rows is by the words: these lead to the tenant's own, and
-- are rarer than the planner believes, who would rather read all that a tenant has.
CREATE FUNCTION atrium_search_sessions(wanted text, made_until timestamptz)
RETURNS TABLE (session_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  words tsquery := atrium_search_query(tenant, wanted);
BEGIN
  RETURN QUERY
    SELECT found.id, max(found.rank)
    FROM (
      SELECT s.id, (1 + ts_rank(s.search, words))::real AS rank FROM sessions s
      WHERE s.tenant_id::text = tenant::text AND s.title IS NOT NULL AND s.search @@ words AND s.deleted_at IS NULL
      UNION ALL
      SELECT m.session_id, ts_rank(m.search, words) FROM messages m
      WHERE m.tenant_id::text = tenant::text AND m.search @@ words AND m.deleted_at IS NULL
        AND (made_until IS NULL OR m.created_at <= made_until)
    ) found
    GROUP BY found.id;
END $$;

-- Messages of a session of the current tenant that hold all words, with their rank.
CREATE FUNCTION atrium_search_messages(searched_session uuid, wanted text)
RETURNS TABLE (message_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  words tsquery := atrium_search_query(tenant, wanted);
BEGIN
  RETURN QUERY
    SELECT m.id, ts_rank(m.search, words) FROM messages m
    WHERE m.tenant_id = tenant AND m.session_id = searched_session AND m.search @@ words AND m.deleted_at IS NULL;
END $$;

REVOKE EXECUTE ON FUNCTION atrium_search_sessions(text, timestamptz), atrium_search_messages(uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_search_sessions(text, timestamptz), atrium_search_messages(uuid, text) TO atrium_app;

SET LOCAL ROLE atrium_owner;
