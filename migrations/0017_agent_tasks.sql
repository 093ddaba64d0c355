-- Agents that are asked by agents: each task has a session and a run of its own.

ALTER TABLE sessions
  -- Where a person began what came to this session; null: here.
  ADD COLUMN root_session_id uuid,
  -- The run that asked for it.
  ADD COLUMN parent_run_id uuid;

CREATE TABLE agent_tasks (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  parent_run_id uuid NOT NULL,
  parent_session_id uuid NOT NULL,
  tool_call_id uuid NOT NULL,
  tool_use_id text NOT NULL,
  from_agent_id uuid,
  to_agent_id uuid NOT NULL,
  session_id uuid NOT NULL,
  run_id uuid NOT NULL,
  -- What the run took, and those that it asked for: counted when it has ended.
  tokens bigint NOT NULL DEFAULT 0,
  cost_micros bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, parent_run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, parent_session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, tool_call_id) REFERENCES tool_calls (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, to_agent_id) REFERENCES agents (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, session_id) REFERENCES sessions (tenant_id, id) ON DELETE CASCADE,
  FOREIGN KEY (tenant_id, run_id) REFERENCES runs (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX agent_tasks_of_run ON agent_tasks (tenant_id, run_id);
CREATE INDEX agent_tasks_of_call ON agent_tasks (tenant_id, tool_call_id);
CREATE INDEX agent_tasks_of_parent ON agent_tasks (tenant_id, parent_run_id);
CREATE INDEX agent_tasks_of_parent_session ON agent_tasks (tenant_id, parent_session_id, id DESC);
CREATE INDEX agent_tasks_of_session ON agent_tasks (tenant_id, session_id);
CREATE INDEX agent_tasks_to_agent ON agent_tasks (tenant_id, to_agent_id, id DESC);
SELECT atrium_tenant_table('agent_tasks', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('agent_tasks', 'SELECT');

-- What they said to each other: a request, and what came of it.
CREATE TABLE agent_messages (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  task_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('request', 'reply')),
  content text NOT NULL,
  is_error boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  UNIQUE (tenant_id, task_id, type),
  FOREIGN KEY (tenant_id, task_id) REFERENCES agent_tasks (tenant_id, id) ON DELETE CASCADE
);
SELECT atrium_tenant_table('agent_messages', 'SELECT, INSERT, DELETE');
