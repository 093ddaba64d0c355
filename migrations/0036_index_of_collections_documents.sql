-- no-transaction
CREATE INDEX CONCURRENTLY IF NOT EXISTS rag_documents_by_collection ON rag_documents (collection_id, id DESC);
