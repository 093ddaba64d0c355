-- Databases of a tenant's own that its agents may query.
CREATE TABLE database_connections (
  tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
  id uuid NOT NULL,
  name text NOT NULL,
  host text NOT NULL,
  database text NOT NULL,
  -- With user and password, sealed for this row.
  sealed_url text NOT NULL,
  created_by uuid,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT database_connections_name UNIQUE (tenant_id, name)
);
SELECT atrium_tenant_table('database_connections', 'SELECT, INSERT, DELETE');
