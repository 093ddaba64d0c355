import type { Citation } from '../../contracts/passage.js';
import type { SearchResultDto } from '../rag/search/search.dto.js';
import type { UsageDto } from '../sessions/usage.dto.js';

/** A question that was asked of documents, and what came of it. */
export interface KnowledgeQuery {
  id: string;
  collectionIds: string[];
  question: string;
  agentId: string | null;
  model: string;
  status: 'completed' | 'failed' | 'cancelled';
  error: { code: string; message: string } | null;
  answer: string;
  citations: Citation[];
  /** The passages that the model was given, the best first. */
  sources: SearchResultDto[];
  usage: UsageDto;
  durationMs: number;
  createdBy: string | null;
  createdAt: Date;
}
