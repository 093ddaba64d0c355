-- How well searches find what they should.
CREATE TABLE rag_evaluations (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text,
  collection_ids uuid[] NOT NULL,
  modes text[] NOT NULL,
  cases jsonb NOT NULL,
  -- How the collections were set up when it was asked for, to compare it with others.
  settings jsonb NOT NULL,
  -- Cases that were asked in all modes, and the sums of their figures.
  done integer NOT NULL DEFAULT 0,
  sums jsonb NOT NULL DEFAULT '{}',
  error jsonb,
  created_by uuid,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'completed', 'failed')),
  cancel_requested_at timestamptz,
  pause_requested_at timestamptz,
  run_after timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  barren_takeovers integer NOT NULL DEFAULT 0,
  progressed boolean NOT NULL DEFAULT false,
  lease_until timestamptz,
  fence bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  finished_at timestamptz,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX rag_evaluations_open ON rag_evaluations (tenant_id, status) WHERE status IN ('queued', 'running');
CREATE INDEX rag_evaluations_due ON rag_evaluations (run_after) WHERE status = 'queued';
CREATE INDEX rag_evaluations_leased ON rag_evaluations (lease_until) WHERE status = 'running';
SELECT atrium_tenant_table('rag_evaluations', 'SELECT, INSERT, UPDATE, DELETE');
SELECT atrium_system_reach('rag_evaluations', 'SELECT, UPDATE');
