-- What a run takes out of its conversation to answer anew; it comes back if the run gives no answer.
ALTER TABLE messages ADD COLUMN removed_by_run uuid;
