import type { Environment } from '../../platform/config/environment.js';
import { findModel, knownModels } from './model-list.js';

/** What of the settings only the list of models can tell. */
export function modelFaults({ MODELS_FILE, DEFAULT_MODEL }: Environment): string[] {
  try {
    const models = knownModels(MODELS_FILE ?? null);
    if (DEFAULT_MODEL === undefined || findModel(models, DEFAULT_MODEL)) return [];
    return [`DEFAULT_MODEL must be one of the known models: ${models.map(({ name }) => name).join(', ')}`];
  } catch (error) {
    return [(error as Error).message];
  }
}

/** Of the list that has no fault. */
export function isChatModel({ MODELS_FILE }: Environment, name: string): boolean {
  return findModel(knownModels(MODELS_FILE ?? null), name) !== undefined;
}
