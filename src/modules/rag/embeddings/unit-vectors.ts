import { ModelCallFailed } from '../../models/model-errors.js';
import type { RawEmbeddings } from './embedding-client.js';
import type { EmbeddingModel } from './embedding-models.service.js';
import { malformed } from './provider-answer.js';

/**
 * What came, in the order of the texts and at unit length, once it is known to be one good vector for each.
 * @throws ModelCallFailed
 */
export function unitVectors({ vectors }: RawEmbeddings, texts: number, model: EmbeddingModel): Float32Array[] {
  if (vectors.size !== texts)
    throw malformed({ provider: model.provider, what: 'Embeddings' }, `there are ${vectors.size} for ${texts} texts`);
  return Array.from({ length: texts }, (_, index) => {
    const vector = vectors.get(index);
    if (!vector) throw malformed({ provider: model.provider, what: 'Embeddings' }, `that of text ${index} is missing`);
    if (vector.length !== model.dimensions) {
      const found = `The embedding model ${model.id} answers ${vector.length} dimensions, its entry in the list says`;
      throw new ModelCallFailed(model.provider, 'request', `${found} ${model.dimensions}`);
    }
    return atUnitLength(vector, model);
  });
}

function atUnitLength(vector: Float32Array, model: EmbeddingModel): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!Number.isFinite(squares)) throw malformed({ provider: model.provider, what: 'Embeddings' }, 'a number is none');
  const length = Math.sqrt(squares);
  return length === 0 ? vector : vector.map((value) => value / length);
}
