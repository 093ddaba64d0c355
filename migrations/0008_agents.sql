-- What an answer lacks that should have been JSON of the agent's schema; the model is asked once to mend it.
ALTER TABLE run_turns ADD COLUMN faults jsonb;
