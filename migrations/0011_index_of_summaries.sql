-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_summaries ON messages (tenant_id, session_id, summary_until) WHERE summary_until IS NOT NULL;
