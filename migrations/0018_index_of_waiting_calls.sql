-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS tool_calls_waiting ON tool_calls (tenant_id, run_id) WHERE status = 'waiting';
