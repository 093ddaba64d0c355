import { Ajv2020 } from 'ajv/dist/2020.js';
import type { ApiDocument, Operation } from './api-document.js';
import type { Answer } from './client.js';

/** Tells where an answer is not what the OpenAPI document says, to the last field. */
export class AnswerSchemas {
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

  constructor(private readonly api: ApiDocument) {
    this.ajv.addSchema({ $id: 'api', components: { schemas: closed(api.raw.components.schemas) } });
  }

  /** What is wrong with it: a status that is not documented, a field too many, too few or of another type. */
  faults({ statuses, answers }: Operation, { status, headers, text }: Answer): unknown[] {
    if (!statuses.has(status)) return [`${status} is not documented`];
    const isJson = headers.get('content-type')?.startsWith('application/json') ?? false;
    if (!isJson) return status === 204 || headers.get('content-type')?.startsWith('text/') ? [] : ['no content type'];
    const schema = status >= 400 ? { $ref: '#/components/schemas/Error' } : answers.get(status);
    if (!schema) return [`${status} is documented without a schema`];
    return this.ajv.validate(rooted(schema), JSON.parse(text)) ? [] : (this.ajv.errors ?? []);
  }

  /** Those that describe nothing, since the tool that reads the classes did not see theirs. */
  empty(): string[] {
    return Object.entries(this.api.raw.components.schemas).flatMap(
      ([name, { type, properties, additionalProperties }]) =>
        type === 'object' && additionalProperties === undefined && Object.keys(properties ?? {}).length === 0
          ? [name]
          : [],
    );
  }
}

/** Schemas that hold nothing beyond their properties. */
function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, closed(part)]));
  return 'properties' in copy && copy['type'] === 'object' ? { additionalProperties: false, ...copy } : copy;
}

function rooted(schema: object): object {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components', '"api#/components')) as object;
}
