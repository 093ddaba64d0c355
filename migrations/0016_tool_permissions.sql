-- Calls of tools that wait for somebody, what people have permitted, and the record of every call.

ALTER TABLE tool_calls DROP CONSTRAINT tool_calls_status_check;
ALTER TABLE tool_calls ADD CONSTRAINT tool_calls_status_check
  CHECK (status IN ('pending', 'running', 'waiting', 'completed', 'failed', 'cancelled')) NOT VALID;
ALTER TABLE tool_calls
  -- For whom a waiting call waits.
  ADD COLUMN waits_for text,
  -- When waiting ends without an answer; null: never.
  ADD COLUMN waits_until timestamptz,
  ADD COLUMN decision text,
  -- A user's id, or `policy`, `hook`, `expiry`.
  ADD COLUMN decided_by text,
  -- False: it was answered while its run was held, and the holder has not told so yet.
  ADD COLUMN told boolean NOT NULL DEFAULT true,
  -- The output is longer than what is shown of it; the whole is with the execution.
  ADD COLUMN truncated boolean NOT NULL DEFAULT false,
  -- Of a call that has waited: the server, as its execution names it, and the input as hooks left it.
  ADD COLUMN server_id text,
  ADD COLUMN given_input jsonb,
  -- NOT VALID: what is there needs not be read for it, while all calls wait.
  ADD CONSTRAINT tool_calls_waits_for_check CHECK (waits_for IN ('permission', 'connect', 'client', 'agent')) NOT VALID,
  ADD CONSTRAINT tool_calls_decision_check CHECK (decision IN ('allow', 'deny')) NOT VALID;
SELECT atrium_system_reach('tool_calls', 'SELECT');

CREATE TABLE permissions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  session_id uuid NOT NULL,
  -- The session in which a person began what came to this; another than `session_id` where an agent asked an agent.
  root_session_id uuid NOT NULL,
  run_id uuid NOT NULL,
  tool_call_id uuid NOT NULL,
  tool_use_id text NOT NULL,
  tool text NOT NULL,
  input jsonb NOT NULL,
  -- Of the server that the person has to connect an account with, where that is what is missing.
  connect_server_id uuid,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'allowed', 'denied', 'expired', 'cancelled')),
  decided_by uuid,
  reason text,
  expires_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  decided_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, root_session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, tool_call_id) REFERENCES tool_calls (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX permissions_of_run ON permissions (tenant_id, run_id);
CREATE INDEX permissions_of_call ON permissions (tenant_id, tool_call_id);
CREATE INDEX permissions_of_session ON permissions (tenant_id, session_id, id DESC);
CREATE INDEX permissions_of_root ON permissions (tenant_id, root_session_id, id DESC);
CREATE INDEX permissions_to_connect ON permissions (tenant_id, connect_server_id)
  WHERE status = 'pending' AND connect_server_id IS NOT NULL;
CREATE INDEX permissions_pending ON permissions (tenant_id, id DESC) WHERE status = 'pending';
SELECT atrium_tenant_table('permissions', 'SELECT, INSERT, UPDATE, DELETE');

-- A person's word that holds for the tool with any input, in a session and those below it, or for an agent.
CREATE TABLE permission_grants (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  session_id uuid,
  agent_id uuid,
  tool text NOT NULL,
  granted_by uuid NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CHECK ((session_id IS NULL) <> (agent_id IS NULL)),
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX permission_grants_of_session ON permission_grants (tenant_id, session_id, tool)
  WHERE session_id IS NOT NULL;
CREATE UNIQUE INDEX permission_grants_of_agent ON permission_grants (tenant_id, agent_id, tool) WHERE agent_id IS NOT NULL;
SELECT atrium_tenant_table('permission_grants', 'SELECT, INSERT, DELETE');

CREATE TABLE tool_executions (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  -- Of a run's call, the call's id.
  id uuid NOT NULL,
  -- The id of the server's row, or the name of one that has none.
  server_id text NOT NULL,
  tool text NOT NULL,
  -- Null where it is the run's call's.
  input jsonb,
  output text,
  is_error boolean NOT NULL,
  decision text NOT NULL CHECK (decision IN ('allow', 'deny')),
  decided_by text NOT NULL,
  session_id uuid,
  run_id uuid,
  created_by uuid,
  duration_ms integer NOT NULL,
  -- Of a call that was asked for directly: its content and structured content, as far as they are shown.
  result jsonb,
  -- The whole output, where it is longer than what is shown.
  whole text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX tool_executions_of_run ON tool_executions (tenant_id, run_id, id DESC);
CREATE INDEX tool_executions_of_session ON tool_executions (tenant_id, session_id, id DESC);
CREATE INDEX tool_executions_of_server ON tool_executions (tenant_id, server_id, id DESC);
CREATE INDEX tool_executions_of_tool ON tool_executions (tenant_id, tool, id DESC);
SELECT atrium_tenant_table('tool_executions', 'SELECT, INSERT, DELETE');

-- Names (`server:tool`) of tools that none of the tenant's agents is given.
ALTER TABLE tenants ADD COLUMN disabled_tools jsonb NOT NULL DEFAULT '[]';
GRANT UPDATE (disabled_tools) ON tenants TO atrium_app;
