import { Injectable } from '@nestjs/common';
import { ValidationFailed } from '../../../contracts/errors.js';
import type { Language } from '../analysis/languages.js';
import { DEFAULT_CHUNKING, type Chunking } from '../chunking/chunk.js';
import { EmbeddingModels, type EmbeddingModel } from '../embeddings/embedding-models.service.js';
import type { ChunkingDto } from './collections.dto.js';

const DEFAULT_LANGUAGE: Language = 'english';

/** What a collection may say of itself, and what holds where it says nothing. */
@Injectable()
export class CollectionRules {
  constructor(private readonly models: EmbeddingModels) {}

  /** @throws ValidationFailed naming the models there are */
  model(name: string | null | undefined): EmbeddingModel {
    return name == null ? this.models.default : this.models.require(name, 'embeddingModel');
  }

  language(language: Language | null | undefined): Language {
    return language ?? DEFAULT_LANGUAGE;
  }

  /** @throws ValidationFailed */
  chunking(given: ChunkingDto | null | undefined): Chunking {
    if (!given) return { strategy: 'markdown', ...DEFAULT_CHUNKING };
    const size = given.size ?? DEFAULT_CHUNKING.size;
    const overlap = given.overlap ?? Math.min(DEFAULT_CHUNKING.overlap, Math.floor(size / 8));
    if (overlap >= size)
      throw ValidationFailed.of('chunking.overlap', `chunking.overlap must be less than its size (${size})`, overlap);
    return { strategy: given.strategy, size, overlap };
  }
}
