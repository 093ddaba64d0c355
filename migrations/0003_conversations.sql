-- Agents, sessions, messages and the runs that answer them.

CREATE TABLE agents (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  version integer NOT NULL DEFAULT 1,
  status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
  name text NOT NULL,
  -- The agent's definition as the API shows it, but name, status and version.
  definition jsonb NOT NULL,
  created_by uuid,
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
SELECT atrium_tenant_table('agents', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE agent_versions (
  tenant_id uuid NOT NULL,
  agent_id uuid NOT NULL,
  version integer NOT NULL,
  name text NOT NULL,
  definition jsonb NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, agent_id, version),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('agent_versions', 'SELECT, INSERT, DELETE');

CREATE TABLE sessions (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  agent_id uuid,
  created_by uuid,
  title text,
  pattern text NOT NULL DEFAULT 'chatbot'
    CHECK (pattern IN ('chatbot', 'sidekick', 'delegation', 'scheduled', 'triggered', 'research')),
  visibility text NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'tenant')),
  status text NOT NULL DEFAULT 'created'
    CHECK (status IN ('created', 'active', 'processing', 'waiting', 'paused', 'completed', 'archived', 'failed')),
  model text,
  system_prompt text,
  tools jsonb,
  permission_policy jsonb,
  context jsonb NOT NULL DEFAULT '{}',
  client_tools jsonb NOT NULL DEFAULT '[]',
  metadata jsonb NOT NULL DEFAULT '{}',
  forked_from_session_id uuid,
  forked_from_message_id uuid,
  message_count integer NOT NULL DEFAULT 0,
  -- Position of the last message, discarded ones included.
  last_position integer NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cache_read_tokens bigint NOT NULL DEFAULT 0,
  cache_write_tokens bigint NOT NULL DEFAULT 0,
  cost_micros bigint NOT NULL DEFAULT 0,
  usage_estimated boolean NOT NULL DEFAULT false,
  -- Whole milliseconds, so that a cursor holds it exactly.
  last_activity_at timestamptz NOT NULL DEFAULT date_trunc('milliseconds', now()),
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents (tenant_id, id)
);
CREATE INDEX sessions_by_activity ON sessions (tenant_id, last_activity_at DESC, id DESC) WHERE deleted_at IS NULL;
CREATE INDEX sessions_of_agent ON sessions (tenant_id, agent_id);
SELECT atrium_tenant_table('sessions', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE runs (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  session_id uuid NOT NULL,
  agent_id uuid,
  agent_version integer,
  -- The message this run answers.
  message_id uuid NOT NULL,
  created_by uuid,
  trigger text NOT NULL CHECK (trigger IN ('message', 'execute', 'regenerate', 'task', 'workflow', 'agent')),
  model text NOT NULL,
  -- What the run goes by until its end, whatever becomes of its agent and session meanwhile.
  pinned jsonb NOT NULL,
  status text NOT NULL DEFAULT 'queued'
    CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
  error jsonb,
  cancel_requested_at timestamptz,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  cache_read_tokens bigint NOT NULL DEFAULT 0,
  cache_write_tokens bigint NOT NULL DEFAULT 0,
  cost_micros bigint NOT NULL DEFAULT 0,
  usage_estimated boolean NOT NULL DEFAULT false,
  -- Time a worker held it, waits not counted; set when a hold ends.
  active_ms bigint NOT NULL DEFAULT 0,
  last_seq bigint NOT NULL DEFAULT 0,
  -- The assistant message that was started and neither completed nor discarded, with the text it has shown.
  open_message_id uuid,
  run_after timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  -- Take-overs in a row after which nothing was stored.
  barren_takeovers integer NOT NULL DEFAULT 0,
  progressed boolean NOT NULL DEFAULT false,
  lease_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX runs_of_session ON runs (tenant_id, session_id, id DESC);
CREATE INDEX runs_open ON runs (tenant_id, status) WHERE status IN ('queued', 'running');
CREATE INDEX runs_due ON runs (run_after) WHERE status = 'queued';
CREATE INDEX runs_leased ON runs (lease_until) WHERE status = 'running';
SELECT atrium_tenant_table('runs', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('runs', 'SELECT, UPDATE');

CREATE TABLE run_events (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  seq bigint NOT NULL,
  type text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  data jsonb NOT NULL,
  PRIMARY KEY (tenant_id, run_id, seq),
  FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('run_events', 'SELECT, INSERT, DELETE');
SELECT atrium_system_reach('run_events', 'SELECT, INSERT');

-- One model call of a run, as the provider needs it back.
CREATE TABLE run_turns (
  tenant_id uuid NOT NULL,
  run_id uuid NOT NULL,
  turn integer NOT NULL,
  model text NOT NULL,
  blocks jsonb NOT NULL,
  stop_reason text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, run_id, turn),
  FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('run_turns', 'SELECT, INSERT, DELETE');

CREATE TABLE tool_calls (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  turn integer NOT NULL,
  position integer NOT NULL,
  tool_use_id text NOT NULL,
  name text NOT NULL,
  input jsonb NOT NULL,
  status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  is_error boolean,
  output text,
  duration_ms integer,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, run_id, tool_use_id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('tool_calls', 'SELECT, INSERT, UPDATE, DELETE');

CREATE TABLE messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  session_id uuid NOT NULL,
  run_id uuid,
  position integer NOT NULL,
  role text NOT NULL CHECK (role IN ('user', 'assistant', 'system', 'tool')),
  content text NOT NULL,
  -- Blocks in order; an assistant's carry what the provider wants back (`turn`, `signature`), which answers leave out.
  blocks jsonb NOT NULL,
  tool_calls jsonb NOT NULL DEFAULT '[]',
  citations jsonb NOT NULL DEFAULT '[]',
  model text,
  parent_message_id uuid,
  usage jsonb,
  feedback jsonb,
  metadata jsonb NOT NULL DEFAULT '{}',
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, session_id, position),
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX messages_of_run ON messages (tenant_id, run_id);
SELECT atrium_tenant_table('messages', 'SELECT, INSERT, UPDATE, DELETE');
