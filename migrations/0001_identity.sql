-- Users, tenants, who belongs where, and how they prove it.

-- Puts a table under the tenant policy, also against its owner, and gives atrium_app the named verbs.
CREATE FUNCTION atrium_tenant_table(t regclass, verbs text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
  EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
  EXECUTE format(
    'CREATE POLICY tenant ON %s TO atrium_app
       USING (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)
       WITH CHECK (tenant_id = nullif(current_setting(''app.tenant_id'', true), '''')::uuid)', t);
  EXECUTE format('GRANT %s ON %s TO atrium_app', verbs, t);
END $$;

-- Lets work outside any tenant do the named verbs on a table.
CREATE FUNCTION atrium_system_reach(t regclass, verbs text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE POLICY system ON %s TO atrium_system USING (true) WITH CHECK (true)', t);
  EXECUTE format('GRANT %s ON %s TO atrium_system', verbs, t);
END $$;

REVOKE EXECUTE ON FUNCTION atrium_tenant_table(regclass, text), atrium_system_reach(regclass, text) FROM PUBLIC;

-- Every slug ever given, also those of erased tenants: a name that once meant one tenant never means another.
CREATE TABLE tenant_slugs (
  slug text PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tenant_slugs ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenant_slugs FORCE ROW LEVEL SECURITY;
SELECT atrium_system_reach('tenant_slugs', 'SELECT, INSERT');

CREATE TABLE tenants (
  id uuid PRIMARY KEY,
  slug text NOT NULL REFERENCES tenant_slugs (slug),
  name text NOT NULL,
  plan text NOT NULL DEFAULT 'standard' CHECK (plan IN ('standard', 'premium')),
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
  permission_policy jsonb,
  metadata jsonb NOT NULL DEFAULT '{}',
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT tenants_slug_key UNIQUE (slug)
);
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON tenants TO atrium_app
  USING (id = nullif(current_setting('app.tenant_id', true), '')::uuid)
  WITH CHECK (id = nullif(current_setting('app.tenant_id', true), '')::uuid);
GRANT SELECT ON tenants TO atrium_app;
GRANT UPDATE (name, permission_policy, metadata, updated_at) ON tenants TO atrium_app;
SELECT atrium_system_reach('tenants', 'SELECT, INSERT, UPDATE, DELETE');
CREATE INDEX tenants_deleted ON tenants (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL CHECK (email = lower(email)),
  name text NOT NULL,
  password_hash text,
  superadmin boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT users_email_key UNIQUE (email)
);

CREATE TABLE memberships (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- What GET /auth/invitations shows and accept takes, and the order of the list; in a tenant a membership is
  -- addressed by its user.
  invitation_id uuid NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
  status text NOT NULL CHECK (status IN ('active', 'pending')),
  -- The last login to this tenant; the latest of a user's is where a login that names no tenant goes.
  last_login_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);
CREATE INDEX memberships_list ON memberships (tenant_id, invitation_id DESC);
SELECT atrium_tenant_table('memberships', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('memberships', 'SELECT, INSERT, UPDATE, DELETE');

-- A tenant sees its members' names, never a password hash, and changes no user: a person belongs to themselves.
-- It may bring in somebody new.
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON users FOR SELECT TO atrium_app
  USING (EXISTS (
    SELECT 1 FROM memberships m
    WHERE m.user_id = users.id AND m.tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid));
CREATE POLICY newcomer ON users FOR INSERT TO atrium_app WITH CHECK (NOT superadmin);
GRANT SELECT (id, email, name, created_at) ON users TO atrium_app;
GRANT INSERT (id, email, name, password_hash) ON users TO atrium_app;
SELECT atrium_system_reach('users', 'SELECT, INSERT, UPDATE, DELETE');

-- A login: one family of refresh tokens, in one tenant. `generation` is that of the only living refresh token.
CREATE TABLE token_sessions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  generation integer NOT NULL DEFAULT 1,
  ip text,
  user_agent text,
  created_at timestamptz NOT NULL DEFAULT now(),
  last_used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX token_sessions_id ON token_sessions (id);
CREATE INDEX token_sessions_member ON token_sessions (tenant_id, user_id);
CREATE INDEX token_sessions_user ON token_sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX token_sessions_expiry ON token_sessions (expires_at);
SELECT atrium_tenant_table('token_sessions', 'SELECT, INSERT, UPDATE');
SELECT atrium_system_reach('token_sessions', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE api_keys (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  name text NOT NULL,
  prefix text NOT NULL,
  -- SHA-256 in hex of a key of 256 random bits: nothing to guess, so no slow hash.
  key_hash text NOT NULL,
  scopes text[],
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX api_keys_hash ON api_keys (key_hash);
CREATE INDEX api_keys_member ON api_keys (tenant_id, user_id);
SELECT atrium_tenant_table('api_keys', 'SELECT, INSERT, UPDATE');
SELECT atrium_system_reach('api_keys', 'SELECT, UPDATE, DELETE');

-- The look-ups before a tenant is known. They run as the tables' owner, whom only these policies let through.
CREATE POLICY lookup ON users FOR SELECT TO atrium_owner USING (true);
CREATE POLICY lookup ON tenants FOR SELECT TO atrium_owner USING (true);
CREATE POLICY lookup ON memberships FOR SELECT TO atrium_owner USING (true);
CREATE POLICY lookup ON token_sessions FOR SELECT TO atrium_owner USING (true);
CREATE POLICY lookup ON api_keys FOR SELECT TO atrium_owner USING (true);

-- One row per tenant the user can log in to, the last used first; without any, one row with a null tenant.
CREATE FUNCTION atrium_user_by_email(wanted text)
RETURNS TABLE (user_id uuid, name text, password_hash text, superadmin boolean,
               tenant_id uuid, tenant_slug text, tenant_name text, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT u.id, u.name, u.password_hash, u.superadmin, t.id, t.slug, t.name, m.role
  FROM users u
  LEFT JOIN (memberships m JOIN tenants t ON t.id = m.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL)
    ON m.user_id = u.id AND m.status = 'active'
  WHERE u.email = wanted
  ORDER BY m.last_login_at DESC NULLS LAST, m.invitation_id
$$;

-- No row: no such login, or its user, membership or tenant no longer allows it.
CREATE FUNCTION atrium_token_session(wanted uuid)
RETURNS TABLE (tenant_id uuid, user_id uuid, generation integer, expires_at timestamptz, revoked_at timestamptz,
               role text, superadmin boolean, plan text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT s.tenant_id, s.user_id, s.generation, s.expires_at, s.revoked_at, m.role, u.superadmin, t.plan
  FROM token_sessions s
  JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id AND m.status = 'active'
  JOIN users u ON u.id = s.user_id
  JOIN tenants t ON t.id = s.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
  WHERE s.id = wanted
$$;

CREATE FUNCTION atrium_api_key(wanted text)
RETURNS TABLE (tenant_id uuid, id uuid, user_id uuid, scopes text[], expires_at timestamptz,
               last_used_at timestamptz, role text, plan text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.tenant_id, k.id, k.user_id, k.scopes, k.expires_at, k.last_used_at, m.role, t.plan
  FROM api_keys k
  JOIN memberships m ON m.tenant_id = k.tenant_id AND m.user_id = k.user_id AND m.status = 'active'
  JOIN tenants t ON t.id = k.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
  WHERE k.key_hash = wanted AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
$$;

REVOKE EXECUTE ON FUNCTION atrium_user_by_email(text), atrium_token_session(uuid), atrium_api_key(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_user_by_email(text), atrium_token_session(uuid), atrium_api_key(text) TO atrium_app;
