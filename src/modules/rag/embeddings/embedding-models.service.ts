import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../../contracts/errors.js';
import { Settings } from '../../../platform/config/settings.js';
import { findEmbeddingModel, fullName, knownEmbeddingModels, type ListedEmbeddingModel } from './embedding-list.js';

export interface EmbeddingModel extends Readonly<ListedEmbeddingModel> {
  /** `offline`, else `provider:name`: by it rows name the model. */
  readonly id: string;
}

/** The models a collection may name: those shipped, changed and extended by `EMBEDDING_MODELS_FILE`. */
@Injectable()
export class EmbeddingModels {
  private readonly models: readonly EmbeddingModel[];
  /** Of collections that name none. */
  readonly default: EmbeddingModel;

  constructor({ embeddings }: Settings) {
    this.models = knownEmbeddingModels(embeddings.file).map((model) => ({ ...model, id: fullName(model) }));
    const chosen = this.find(embeddings.defaultModel);
    // Told at start, before anything is opened.
    if (!chosen) throw new Error(`EMBEDDING_MODEL ${embeddings.defaultModel} is not known`);
    this.default = chosen;
  }

  /** `provider:name`, or `name` where only one provider has it. */
  find(name: string): EmbeddingModel | undefined {
    return findEmbeddingModel(this.models, name);
  }

  /** @throws ValidationFailed on `field`, naming the known models */
  require(name: string, field: string): EmbeddingModel {
    const model = this.find(name);
    if (model) return model;
    const message = `${field} must be one of the known embedding models: ${this.known().join(', ')}`;
    throw ValidationFailed.of(field, message, name);
  }

  known(): string[] {
    return this.models.map(({ id }) => id);
  }
}
