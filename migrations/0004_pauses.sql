-- A run asked to pause stops after the step it is at, and waits until it is resumed.
ALTER TABLE runs ADD COLUMN pause_requested_at timestamptz;
