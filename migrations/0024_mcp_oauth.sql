-- OAuth with MCP servers: clients that were registered, flows that a person is in, and what was granted.

-- What a client or grant holds that is secret is sealed together with where it belongs.
CREATE TABLE mcp_oauth_clients (
  tenant_id uuid NOT NULL,
  server_id uuid NOT NULL,
  issuer text NOT NULL,
  -- What it was registered with; empty: somebody registered it by hand.
  redirect_uri text NOT NULL,
  -- Client information as of RFC 7591.
  sealed text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, server_id, issuer, redirect_uri),
  FOREIGN KEY (tenant_id, server_id) REFERENCES mcp_servers (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('mcp_oauth_clients', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE mcp_oauth_flows (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  server_id uuid NOT NULL,
  -- Who started it, and alone may end it.
  user_id uuid NOT NULL,
  identity text NOT NULL CHECK (identity IN ('tenant', 'user')),
  -- Of the server at the start: one that has moved since is another.
  server_url text NOT NULL,
  -- SHA-256 in hex of a state of 256 random bits.
  state_hash text NOT NULL,
  -- Authorization server, client, PKCE verifier and what was asked for.
  sealed text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, server_id) REFERENCES mcp_servers (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX mcp_oauth_flows_state ON mcp_oauth_flows (state_hash);
CREATE INDEX mcp_oauth_flows_server ON mcp_oauth_flows (tenant_id, server_id);
CREATE INDEX mcp_oauth_flows_member ON mcp_oauth_flows (tenant_id, user_id);
CREATE INDEX mcp_oauth_flows_expiry ON mcp_oauth_flows (tenant_id, expires_at);
SELECT atrium_tenant_table('mcp_oauth_flows', 'SELECT, INSERT, DELETE');

CREATE TABLE mcp_oauth_grants (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  server_id uuid NOT NULL,
  -- Whose it is; null: the tenant's.
  user_id uuid,
  server_url text NOT NULL,
  -- Authorization server, client and tokens.
  sealed text NOT NULL,
  -- What was asked for.
  scope text,
  -- What the server has wanted besides since.
  wanted_scope text,
  -- Of the access token; null where nobody said so.
  expires_at timestamptz,
  renew_at timestamptz,
  -- Grows with each renewal.
  revision integer NOT NULL DEFAULT 1,
  -- Who renews the tokens, and until when nobody else may try.
  claim integer NOT NULL DEFAULT 0,
  claimed_until timestamptz,
  connected_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT mcp_oauth_grants_owner UNIQUE NULLS NOT DISTINCT (tenant_id, server_id, user_id),
  FOREIGN KEY (tenant_id, server_id) REFERENCES mcp_servers (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX mcp_oauth_grants_member ON mcp_oauth_grants (tenant_id, user_id);
SELECT atrium_tenant_table('mcp_oauth_grants', 'SELECT, INSERT, UPDATE, DELETE');

-- A single-use code as the browser brings it back, before the tenant is known. No row: there is none, it has expired, or
-- its user or tenant may not act any more.
CREATE POLICY lookup ON mcp_oauth_flows FOR SELECT TO atrium_owner USING (true);
CREATE FUNCTION atrium_one_time_code(wanted text)
RETURNS TABLE (tenant_id uuid, id uuid, user_id uuid, role text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT f.tenant_id, f.id, f.user_id, m.role
  FROM mcp_oauth_flows f
  JOIN memberships m ON m.tenant_id = f.tenant_id AND m.user_id = f.user_id AND m.status = 'active'
  JOIN tenants t ON t.id = f.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
  WHERE f.state_hash = wanted AND f.expires_at > now()
$$;
REVOKE EXECUTE ON FUNCTION atrium_one_time_code(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION atrium_one_time_code(text) TO atrium_app;
