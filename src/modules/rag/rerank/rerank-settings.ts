import type { Environment } from '../../../platform/config/environment.js';
import { findRerankModel, RERANK_MODELS } from './rerank-models.js';

/** What of the settings only the lists of models can tell. */
export function rerankFaults(
  { RERANK_MODEL, VOYAGE_API_KEY }: Environment,
  isChatModel: (name: string) => boolean,
): string[] {
  if (RERANK_MODEL === undefined || RERANK_MODEL === 'offline') return [];
  if (findRerankModel(RERANK_MODEL))
    return VOYAGE_API_KEY === undefined ? [`RERANK_MODEL ${RERANK_MODEL} needs VOYAGE_API_KEY`] : [];
  try {
    if (isChatModel(RERANK_MODEL)) return [];
  } catch {
    // There is no list to look into, which is told already.
    return [];
  }
  const known = RERANK_MODELS.map(({ name }) => `voyage:${name}`).join(', ');
  return [`RERANK_MODEL ${RERANK_MODEL} is neither offline nor one of ${known} nor a chat model that is known`];
}
