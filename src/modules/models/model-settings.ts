import type { Environment } from '../../platform/config/environment.js';
import { fullName, knownModels } from './model-list.js';

/** What of the settings only the list of models can tell. */
export function modelFaults({ MODELS_FILE, DEFAULT_MODEL }: Environment): string[] {
  try {
    const models = knownModels(MODELS_FILE ?? null);
    const isKnown = models.some((model) => model.name === DEFAULT_MODEL || fullName(model) === DEFAULT_MODEL);
    if (DEFAULT_MODEL === undefined || isKnown) return [];
    return [`DEFAULT_MODEL must be one of the known models: ${models.map(({ name }) => name).join(', ')}`];
  } catch (error) {
    return [(error as Error).message];
  }
}
