-- The look-ups of every request, with plans that a connection keeps: a function in plain SQL is planned at each call.

CREATE OR REPLACE FUNCTION atrium_token_session(wanted uuid)
RETURNS TABLE (tenant_id uuid, user_id uuid, generation integer, expires_at timestamptz, revoked_at timestamptz,
               role text, superadmin boolean, plan text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT s.tenant_id, s.user_id, s.generation, s.expires_at, s.revoked_at, m.role, u.superadmin, t.plan
    FROM token_sessions s
    JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND m.status = 'active'
    JOIN users u ON u.id = s.user_id
    JOIN tenants t ON t.id = s.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
    WHERE s.id = wanted;
END $$;

CREATE OR REPLACE FUNCTION atrium_api_key(wanted text)
RETURNS TABLE (tenant_id uuid, id uuid, user_id uuid, scopes text[], expires_at timestamptz,
               last_used_at timestamptz, role text, plan text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    SELECT k.tenant_id, k.id, k.user_id, k.scopes, k.expires_at, k.last_used_at, m.role, t.plan
    FROM api_keys k
    JOIN memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id AND m.status = 'active'
    JOIN tenants t ON t.id = k.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
    WHERE k.key_hash = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now());
END $$;
