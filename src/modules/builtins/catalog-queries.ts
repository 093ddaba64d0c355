/** What a database holds, as far as the login may see it; every list ends somewhere. */

const OURS = `n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')`;

const KIND = `CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
  ELSE 'table' END`;

/** $1: how many at most. */
export const TABLES = `
  SELECT n.nspname AS schema, c.relname AS name, ${KIND} AS kind, obj_description(c.oid, 'pg_class') AS comment
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OURS} ORDER BY 1, 2 LIMIT $1`;

/** $1: the oid of a table; null: of all. $2: how many at most. */
export const COLUMNS = `
  SELECT n.nspname AS schema, c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
         NOT a.attnotnull AS nullable, pg_get_expr(d.adbin, d.adrelid) AS default,
         col_description(c.oid, a.attnum) AS comment
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE ${OURS} AND ($1::oid IS NULL OR c.oid = $1::oid) ORDER BY 1, 2, a.attnum LIMIT $2`;

export const CONSTRAINTS = `
  SELECT conname AS name, pg_get_constraintdef(oid) AS definition
  FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid ORDER BY contype, 1 LIMIT 200`;

export const INDEXES = `
  SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
  FROM pg_catalog.pg_index WHERE indrelid = $1::oid ORDER BY 1 LIMIT 200`;

/** $1: `table` or `schema.table`, as it was written or with quotes; the one on the search path comes first. */
export const TABLE_OF_NAME = `
  SELECT c.oid::text AS oid, n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE ${OURS} AND ($1 IN (c.relname::text, n.nspname || '.' || c.relname, c.oid::regclass::text))
  ORDER BY pg_table_is_visible(c.oid) DESC, n.nspname LIMIT 1`;
