-- What happened: the audit record, and what has still to be told to whom.

CREATE TABLE events (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  action text NOT NULL,
  actor_type text NOT NULL CHECK (actor_type IN ('user', 'apiKey', 'job', 'system')),
  actor_id uuid,
  resource_type text NOT NULL,
  resource_id uuid,
  ip text,
  correlation_id text NOT NULL,
  payload jsonb NOT NULL,
  changes jsonb,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX events_resource ON events (tenant_id, resource_id, id);
CREATE INDEX events_action ON events (tenant_id, action, id);
CREATE INDEX events_actor ON events (tenant_id, actor_id, id);
-- Immutable: nobody is given UPDATE or DELETE.
SELECT atrium_tenant_table('events', 'SELECT, INSERT');
SELECT atrium_system_reach('events', 'SELECT, INSERT');

CREATE TABLE outbox (
  tenant_id uuid NOT NULL,
  event_id uuid NOT NULL,
  consumer text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  run_after timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, event_id, consumer),
  FOREIGN KEY (tenant_id, event_id) REFERENCES events (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX outbox_due ON outbox (run_after);
SELECT atrium_tenant_table('outbox', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('outbox', 'SELECT, INSERT, UPDATE, DELETE');

-- A POST with an Idempotency-Key: who sent what, and which resource came of it. Answers are rebuilt, never stored.
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  -- SHA-256 of caller, method, path and key.
  scope_hash text NOT NULL,
  body_hash text NOT NULL,
  status text NOT NULL CHECK (status IN ('running', 'bound', 'done')),
  resource_id uuid,
  response_status integer,
  fence bigint NOT NULL DEFAULT 1,
  lease_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, scope_hash)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
SELECT atrium_tenant_table('idempotency_keys', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('idempotency_keys', 'SELECT, DELETE');
