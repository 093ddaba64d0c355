-- no-transaction
-- New words wait in a list until it is full, when whoever comes next works them in; a short list makes a short pause.
CREATE INDEX CONCURRENTLY IF NOT EXISTS messages_search ON messages USING gin (search) WITH (gin_pending_list_limit = 512);
