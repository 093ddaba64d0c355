import { readFileSync } from 'node:fs';
import { Ajv, type JSONSchemaType } from 'ajv';
import shipped from './models.json' with { type: 'json' };

/** Millionths of a US dollar for a million tokens: $5 per million is 5,000,000. */
export interface TokenPrices {
  inputMicros: number;
  outputMicros: number;
  cacheReadMicros: number;
  /** Writing to the five-minute cache, the only one used here. */
  cacheWriteMicros: number;
}

export interface ModelPrices extends TokenPrices {
  /** Prices of every token of a call whose prompt, cached tokens included, is longer than this. */
  longPrompt?: TokenPrices & { aboveTokens: number };
}

export interface ListedModel {
  name: string;
  provider: string;
  contextWindow: number;
  maxOutputTokens: number;
  /** Thinks unless told not to, so the client asks to be shown a summary of it. */
  thinks: boolean;
  /** Claude since 4.7 answers 400 to any temperature but its own. */
  acceptsTemperature: boolean;
  prices: ModelPrices;
}

export interface ModelList {
  /** The day the prices were read from the providers' price lists. */
  pricedAt: string;
  models: ListedModel[];
}

const tokens = { type: 'integer', minimum: 1 } as const;
const micros = { type: 'integer', minimum: 0 } as const;
const priceFields = {
  inputMicros: micros,
  outputMicros: micros,
  cacheReadMicros: micros,
  cacheWriteMicros: micros,
} as const;
const priceNames = ['inputMicros', 'outputMicros', 'cacheReadMicros', 'cacheWriteMicros'] as const;

const schema: JSONSchemaType<ModelList> = {
  type: 'object',
  additionalProperties: false,
  required: ['pricedAt', 'models'],
  properties: {
    pricedAt: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' },
    models: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'provider', 'contextWindow', 'maxOutputTokens', 'prices'],
        properties: {
          name: { type: 'string', pattern: '^[^\\s:]+$' },
          provider: { type: 'string', pattern: '^[a-z][a-z0-9-]*$' },
          contextWindow: tokens,
          maxOutputTokens: tokens,
          thinks: { type: 'boolean', default: false },
          acceptsTemperature: { type: 'boolean', default: true },
          prices: {
            type: 'object',
            additionalProperties: false,
            required: [...priceNames],
            properties: {
              ...priceFields,
              longPrompt: {
                type: 'object',
                additionalProperties: false,
                nullable: true,
                required: [...priceNames, 'aboveTokens'],
                properties: { ...priceFields, aboveTokens: tokens },
              },
            },
          },
        },
      },
    },
  },
};

const validate = new Ajv({ allErrors: true, useDefaults: true }).compile(schema);

/** The shipped models, in the order they are shown, changed and extended by those of a file. @throws as readModelList */
export function knownModels(file: string | null): ListedModel[] {
  const models = checked(shipped, 'models.json').models;
  const added = file === null ? [] : readModelList(file).models;
  return [...new Map([...models, ...added].map((model) => [fullName(model), model])).values()];
}

/** By `name` or `provider:name`. */
export function findModel<Model extends ListedModel>(models: readonly Model[], name: string): Model | undefined {
  return models.find((model) => model.name === name || fullName(model) === name);
}

function fullName(model: ListedModel): string {
  return `${model.provider}:${model.name}`;
}

/** @throws Error of one line that names the file and every fault in it. */
function readModelList(path: string): ModelList {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error(`MODELS_FILE ${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  return checked(parsed, `MODELS_FILE ${path}`);
}

function checked(list: unknown, source: string): ModelList {
  if (validate(list)) return list;
  const faults = (validate.errors ?? []).map((fault) => `${fault.instancePath || '/'} ${fault.message ?? 'is wrong'}`);
  throw new Error(`${source} is not a list of models: ${faults.join('; ')}`);
}
