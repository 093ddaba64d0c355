-- no-transaction
-- A session's runs that have not ended: whether one is on is asked at the end of each, and of those that wait their turn
-- (run_after 'infinity') the next is let go.
CREATE INDEX CONCURRENTLY IF NOT EXISTS runs_open_of_session ON runs (tenant_id, session_id) WHERE status IN ('queued', 'running', 'waiting');
