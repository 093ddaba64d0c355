-- MCP servers that a tenant has plugged in, and what they said their tools are.

CREATE TABLE mcp_servers (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z0-9_-]{1,32}$'),
  transport text NOT NULL CHECK (transport IN ('http', 'sse', 'stdio')),
  url text,
  -- The headers' values, sealed; their names alone are shown.
  sealed_headers text,
  header_names text[] NOT NULL DEFAULT '{}',
  -- A name in the operator's registry, and what fills its slots.
  command text,
  args text[] NOT NULL DEFAULT '{}',
  -- {"identity": "tenant" | "user"}
  oauth jsonb,
  enabled boolean NOT NULL DEFAULT true,
  timeout_ms integer CHECK (timeout_ms > 0),
  tool_policy jsonb,
  -- Grows with each change; connections and lists of an earlier one are no longer used.
  version integer NOT NULL DEFAULT 1,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT mcp_servers_name_key UNIQUE (tenant_id, name),
  CHECK ((transport = 'stdio') = (command IS NOT NULL)),
  CHECK ((transport = 'stdio') = (url IS NULL))
);
SELECT atrium_tenant_table('mcp_servers', 'SELECT, INSERT, UPDATE, DELETE');

-- When a server last said what its tools are. A server on which each user acts as themselves may show each other tools:
-- `credential` is the user's id there, and empty elsewhere.
CREATE TABLE mcp_tool_lists (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  server_id uuid NOT NULL,
  credential text NOT NULL DEFAULT '',
  server_version integer NOT NULL,
  -- What of it was left out, and why: a list of texts.
  notes jsonb NOT NULL DEFAULT '[]',
  listed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, server_id, credential),
  FOREIGN KEY (tenant_id, server_id) REFERENCES mcp_servers (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('mcp_tool_lists', 'SELECT, INSERT, UPDATE, DELETE');

-- A tool keeps its row when its server no longer lists it: one that comes back is not new.
CREATE TABLE mcp_tools (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  server_id uuid NOT NULL,
  credential text NOT NULL DEFAULT '',
  name text NOT NULL,
  -- name, title, description, inputSchema, outputSchema, annotations, as the server last gave them.
  definition jsonb NOT NULL,
  hash text NOT NULL,
  -- The definition that was seen first, or that somebody approved since.
  approved_hash text NOT NULL,
  listed boolean NOT NULL DEFAULT true,
  position integer NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, server_id, credential, name),
  FOREIGN KEY (tenant_id, server_id) REFERENCES mcp_servers (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('mcp_tools', 'SELECT, INSERT, UPDATE, DELETE');
