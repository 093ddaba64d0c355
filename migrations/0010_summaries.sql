-- What stands for the beginning of a conversation that has grown too long for its model.
ALTER TABLE messages
  -- Position of the last message that it stands for; null for all but summaries.
  ADD COLUMN summary_until integer,
  -- How many messages it stands for.
  ADD COLUMN summarizes integer;
