-- A search ranks the newest 10,000 of what holds its words, however many that are: to rank a text, all of its words are
-- read. The newest are picked by what little the index leads to, and only these are read again to be ranked. Messages
-- are picked by their time, in a search of all sessions as well, since pages of it are of those made until then.

SET LOCAL ROLE atrium_search;

CREATE OR REPLACE FUNCTION atrium_search_sessions(wanted text, made_until timestamptz)
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
      SELECT titled.id,
        (SELECT (1 + ts_rank(r.search, words))::real FROM sessions r WHERE r.tenant_id = tenant AND r.id = titled.id) AS rank
      FROM (
        SELECT s.id FROM sessions s
        WHERE s.tenant_id::text = tenant::text AND s.title IS NOT NULL AND s.search @@ words AND s.deleted_at IS NULL
        ORDER BY s.id DESC LIMIT 10000
      ) titled
      UNION ALL
      SELECT said.session_id,
        (SELECT ts_rank(r.search, words) FROM messages r WHERE r.tenant_id = tenant AND r.id = said.id)
      FROM (
        SELECT m.id, m.session_id FROM messages m
        WHERE m.tenant_id::text = tenant::text AND m.search @@ words AND m.deleted_at IS NULL
          AND (made_until IS NULL OR m.created_at <= made_until)
        ORDER BY m.created_at DESC, m.id DESC LIMIT 10000
      ) said
    ) found
    GROUP BY found.id;
END $$;

-- Not in the order of ids or positions, which indexes have: the planner would rather go through all of a tenant.
CREATE OR REPLACE FUNCTION atrium_search_messages(searched_session uuid, wanted text)
RETURNS TABLE (message_id uuid, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
  tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
  words tsquery := atrium_search_query(tenant, wanted);
BEGIN
  RETURN QUERY
    SELECT said.id, (SELECT ts_rank(r.search, words) FROM messages r WHERE r.tenant_id = tenant AND r.id = said.id)
    FROM (
      SELECT m.id FROM messages m
      WHERE m.tenant_id = tenant AND m.session_id = searched_session AND m.search @@ words AND m.deleted_at IS NULL
      ORDER BY m.created_at DESC, m.id DESC LIMIT 10000
    ) said;
END $$;

SET LOCAL ROLE atrium_owner;
