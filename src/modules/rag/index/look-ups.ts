/**
 * At the end of a sub-query that looks up a row by its key for each row of another one: it is then carried out so. As a
 * join, the planner takes what a tenant has that is new to its statistics to be a single row, and compares all with all.
 */
export const EACH = 'OFFSET 0';

/** That a row of the collection `:collectionId` with a `number` is of a version that is live; of `d`, which `is` so. */
export function isLive(alias: string, is = 'true'): string {
  return `EXISTS (SELECT 1 FROM rag_documents d WHERE d.tenant_id = :tenantId AND d.number = ${alias}.number
    AND d.collection_id = :collectionId AND (${is}) ${EACH})`;
}

/** The same, from a table of all that are live and `is` so, which is made first. `IS TRUE` keeps it from becoming a join. */
export function isOneOf(alias: string, is = 'true'): string {
  return `(${alias}.number IN (SELECT d.number FROM rag_documents d WHERE d.tenant_id = :tenantId
    AND d.collection_id = :collectionId AND d.number IS NOT NULL AND (${is}))) IS TRUE`;
}

/** That a column has a value, in such a way that no index that begins with it is taken for the one that is meant. */
export function filtered(column: string, value: string): string {
  return `${column}::text = ${value}::uuid::text`;
}
