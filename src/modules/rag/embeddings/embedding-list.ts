import { readFileSync } from 'node:fs';
import { Ajv, type JSONSchemaType } from 'ajv';
import shipped from './embedding-models.json' with { type: 'json' };

export interface ListedEmbeddingModel {
  /** As its provider calls it. */
  name: string;
  provider: 'offline' | 'voyage' | 'openai';
  dimensions: number;
  /** Longer texts are cut. */
  maxInputTokens: number;
  /** Millionths of a US dollar for a million tokens. */
  inputMicros: number;
  /** The provider is asked for `dimensions`, which not every model lets one choose. */
  setsDimensions: boolean;
  /** How vectors are asked for; many servers know `float` alone. */
  encoding: 'float' | 'base64';
}

export interface EmbeddingList {
  /** The day the prices were read. */
  pricedAt: string;
  models: ListedEmbeddingModel[];
}

/** Vectors are indexed as `halfvec`, which goes as far. */
const MOST_DIMENSIONS = 4_000;

const schema: JSONSchemaType<EmbeddingList> = {
  type: 'object',
  additionalProperties: false,
  required: ['models'],
  properties: {
    pricedAt: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$', default: '1970-01-01' },
    models: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'provider', 'dimensions', 'maxInputTokens'],
        properties: {
          // Ollama's names have colons: `nomic-embed-text:v1.5`.
          name: { type: 'string', pattern: '^[^\\s]{1,200}$' },
          provider: { type: 'string', enum: ['offline', 'voyage', 'openai'] },
          dimensions: { type: 'integer', minimum: 1, maximum: MOST_DIMENSIONS },
          maxInputTokens: { type: 'integer', minimum: 1 },
          inputMicros: { type: 'integer', minimum: 0, default: 0 },
          setsDimensions: { type: 'boolean', default: false },
          encoding: { type: 'string', enum: ['float', 'base64'], default: 'float' },
        },
      },
    },
  },
};

const validate = new Ajv({ allErrors: true, useDefaults: true }).compile(schema);

/** The shipped models, in the order they are shown, changed and extended by those of a file. @throws Error of one line */
export function knownEmbeddingModels(file: string | null): ListedEmbeddingModel[] {
  const models = checked(structuredClone(shipped), 'embedding-models.json').models;
  const added = file === null ? [] : readList(file).models;
  return [...new Map([...models, ...added].map((model) => [fullName(model), model])).values()];
}

/** By `provider:name`, or by `name` where only one provider has it. */
export function findEmbeddingModel<Model extends ListedEmbeddingModel>(
  models: readonly Model[],
  name: string,
): Model | undefined {
  const [model, ...others] = models.filter((one) => one.name === name);
  return models.find((one) => fullName(one) === name) ?? (others.length === 0 ? model : undefined);
}

/** `offline`, else `provider:name`. */
export function fullName({ provider, name }: ListedEmbeddingModel): string {
  return provider === name ? name : `${provider}:${name}`;
}

function readList(path: string): EmbeddingList {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`EMBEDDING_MODELS_FILE ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  const list = checked(parsed, `EMBEDDING_MODELS_FILE ${path}`);
  if (list.models.some(({ provider }) => provider === 'offline'))
    throw new Error(`EMBEDDING_MODELS_FILE ${path} must not name the provider offline, which has one model of its own`);
  return list;
}

function checked(list: unknown, source: string): EmbeddingList {
  if (validate(list)) return list;
  const faults = (validate.errors ?? []).map((fault) => `${fault.instancePath || '/'} ${fault.message ?? 'is wrong'}`);
  throw new Error(`${source} is not a list of embedding models: ${faults.join('; ')}`);
}
