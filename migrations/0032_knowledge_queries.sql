-- Questions that were answered from documents, with what the answers were taken from.
CREATE TABLE rag_queries (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  collection_ids uuid[] NOT NULL,
  question text NOT NULL,
  agent_id uuid,
  model text NOT NULL,
  status text NOT NULL CHECK (status IN ('completed', 'failed', 'cancelled')),
  error jsonb,
  answer text NOT NULL,
  citations jsonb NOT NULL,
  -- The passages that the model was given, the best first.
  sources jsonb NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cache_read_tokens bigint NOT NULL,
  cache_write_tokens bigint NOT NULL,
  cost_micros bigint NOT NULL,
  usage_estimated boolean NOT NULL,
  duration_ms integer NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX rag_queries_of_user ON rag_queries (tenant_id, created_by, id DESC);
SELECT atrium_tenant_table('rag_queries', 'SELECT, INSERT, DELETE');
