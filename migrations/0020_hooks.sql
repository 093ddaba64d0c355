-- Whom a tenant asks or tells over HTTP when tools are called and runs begin and end.
CREATE TABLE hooks (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  -- Of the time of creation: those that fit one call are asked in this order.
  id uuid NOT NULL,
  event text NOT NULL CHECK (event IN ('tool.before', 'tool.after', 'run.started', 'run.completed')),
  url text NOT NULL,
  -- Patterns of tools; null: all of them.
  tools text[],
  timeout_ms integer NOT NULL,
  on_error text NOT NULL CHECK (on_error IN ('allow', 'deny')),
  enabled boolean NOT NULL,
  -- What requests are signed by, sealed for this row.
  sealed_secret text NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
SELECT atrium_tenant_table('hooks', 'SELECT, INSERT, UPDATE, DELETE');
