-- Files that an application gave as a tool's result, as blocks of a message name them.
ALTER TABLE tool_calls ADD COLUMN files jsonb;
