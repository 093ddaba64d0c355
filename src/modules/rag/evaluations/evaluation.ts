import type { Chunking } from '../chunking/chunk.js';
import type { SearchMode } from '../search/search.dto.js';
import type { RankingMetrics } from './ranking-metrics.js';

export interface EvaluationCase {
  query: string;
  /** Documents that should be found. */
  relevant: string[];
}

/** How a collection was set up when it was judged. */
export interface JudgedCollection {
  collectionId: string;
  embeddingModel: string;
  language: string;
  chunking: Chunking;
  documentCount: number;
  chunkCount: number;
}

export interface Evaluation {
  id: string;
  name: string | null;
  collectionIds: string[];
  modes: SearchMode[];
  settings: JudgedCollection[];
  status: 'queued' | 'running' | 'completed' | 'failed';
  caseCount: number;
  /** Cases that were asked in all modes, and the sums of their figures. */
  done: number;
  sums: Partial<Record<SearchMode, RankingMetrics>>;
  error: { code: string; message: string } | null;
  createdBy: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}
