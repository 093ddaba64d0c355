-- A run asked to pause stops after the step it is at, and waits until it is resumed.
ALTER TABLE runs ADD COLUMN pause_requested_at timestamptz;

-- A keyed request of a superadmin changes things as a system actor, and binds its key there.
GRANT UPDATE (status, resource_id) ON idempotency_keys TO atrium_system;
