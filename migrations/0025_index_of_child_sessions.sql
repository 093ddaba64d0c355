-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS sessions_of_root ON sessions (tenant_id, root_session_id) WHERE root_session_id IS NOT NULL;
