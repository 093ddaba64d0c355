-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS tool_calls_overdue ON tool_calls (waits_until) WHERE status = 'waiting';
