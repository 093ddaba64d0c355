-- no-transaction
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS rag_documents_by_number ON rag_documents (tenant_id, number, collection_id);
