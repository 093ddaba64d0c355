import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../contracts/errors.js';
import { Settings } from '../../platform/config/settings.js';
import type { ModelUsage } from './model-client.js';
import { costMicros } from './model-cost.js';
import { findModel, knownModels, type ListedModel } from './model-list.js';

export interface CatalogModel extends ListedModel {
  /** Its provider is configured, so a call can be tried. */
  available: boolean;
}

/** The models an agent may name: those shipped, changed and extended by `MODELS_FILE`. */
@Injectable()
export class ModelCatalog {
  private readonly models: readonly CatalogModel[];

  constructor(settings: Settings) {
    const configured: Record<string, boolean> = { offline: true, anthropic: settings.models.anthropic.apiKey !== null };
    this.models = knownModels(settings.models.file).map((model) => ({
      ...model,
      available: configured[model.provider] ?? false,
    }));
  }

  /** `name` or `provider:name`; undefined when it is not known. */
  find(name: string): CatalogModel | undefined {
    return findModel(this.models, name);
  }

  /** @throws ValidationFailed on `field`, naming the known models */
  require(name: string, field: string): CatalogModel {
    const model = this.find(name);
    if (!model) {
      throw ValidationFailed.of(
        field,
        `${field} must be one of the known models: ${this.knownNames().join(', ')}`,
        name,
      );
    }
    return model;
  }

  list(): readonly CatalogModel[] {
    return this.models;
  }

  knownNames(): string[] {
    return this.models.map((model) => model.name);
  }

  /** See {@link costMicros}; `usage` is that of one call. */
  costMicros(name: string, usage: ModelUsage): number {
    const model = this.find(name);
    if (!model) throw new Error(`The model ${name} is not in the catalog, so its usage has no price`);
    return costMicros(model.prices, usage);
  }
}
