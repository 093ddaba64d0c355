-- What the run of a task was at work for, and those that it asked for; of those side by side the longest counts.
ALTER TABLE agent_tasks ADD COLUMN active_ms bigint NOT NULL DEFAULT 0;
