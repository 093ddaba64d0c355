-- no-transaction
-- As with the two that follow: what is looked up comes right behind the tenant, and no other index begins with the same
-- columns, so that none is taken for another where nothing is known of a tenant.
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS rag_documents_by_source ON rag_documents (tenant_id, source_hash, collection_id);
