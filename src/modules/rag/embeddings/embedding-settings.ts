import type { Environment } from '../../../platform/config/environment.js';
import { findEmbeddingModel, fullName, knownEmbeddingModels } from './embedding-list.js';

/** What of the settings only the list of embedding models can tell. */
export function embeddingFaults({ EMBEDDING_MODELS_FILE, EMBEDDING_MODEL }: Environment): string[] {
  try {
    const models = knownEmbeddingModels(EMBEDDING_MODELS_FILE ?? null);
    if (findEmbeddingModel(models, EMBEDDING_MODEL)) return [];
    const known = models.map(fullName).join(', ');
    return [`EMBEDDING_MODEL ${EMBEDDING_MODEL} is not one of the known embedding models: ${known}`];
  } catch (error) {
    return [(error as Error).message];
  }
}
