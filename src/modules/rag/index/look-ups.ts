/**
 * At the end of a sub-query that looks up a row by its key for each row of another one: it is then carried out so. As a
 * join, the planner takes what a tenant has that is new to its statistics to be a single row, and compares all with all.
 */
export const EACH = 'OFFSET 0';

/** That a row of the collection `:collectionId` with a `number` is of a version that is live. */
export function isLive(alias: string): string {
  return `EXISTS (SELECT 1 FROM rag_documents live WHERE live.tenant_id = :tenantId AND live.number = ${alias}.number
    AND live.collection_id = :collectionId ${EACH})`;
}

/** That a column has a value, in such a way that no index that begins with it is taken for the one that is meant. */
export function filtered(column: string, value: string): string {
  return `${column}::text = ${value}::uuid::text`;
}
