-- What was paid for embeddings, and for ranking what was found: a row for each call that a provider answered.
CREATE TABLE embedding_uses (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  -- `provider:name`.
  model text NOT NULL,
  purpose text NOT NULL CHECK (purpose IN ('document', 'query', 'rerank')),
  -- Of a chat model that ranks all its tokens, those that it wrote included.
  input_tokens integer NOT NULL,
  cost_micros bigint NOT NULL,
  -- The provider told no count of tokens.
  estimated boolean NOT NULL,
  -- Of a collection that may be gone by now: what it cost stays.
  collection_id uuid,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX embedding_uses_by_time ON embedding_uses (tenant_id, created_at);
SELECT atrium_tenant_table('embedding_uses', 'SELECT, INSERT');
