import { Client } from './client.js';

/** A JSON Schema as the OpenAPI document has them. */
export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  pattern?: string;
  enum?: unknown[];
  minimum?: number;
  minItems?: number;
  minLength?: number;
  maxLength?: number;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
}

interface Parameter {
  name: string;
  in: string;
  schema: Schema;
}

export interface Operation {
  id: string;
  /** Upper case. */
  method: string;
  /** As documented, with `{id}`. */
  path: string;
  pathParameters: Parameter[];
  query: Parameter[];
  /** Of its JSON; null where it takes none, as where it takes bytes or an upload alone. */
  body: Schema | null;
  takesUpload: boolean;
  /** Any body is good. */
  takesBytes: boolean;
  /** Of the answer when all is well, by status. */
  answers: Map<number, Schema | null>;
  /** All statuses it is said to answer. */
  statuses: Set<number>;
  permission: string | null;
  isOpen: boolean;
  streams: boolean;
}

export type Step = string | number;

/** Where a body can hold a value, and the body that holds it there with everything else as small as it may be. */
export interface Place {
  /** Of the property that holds it, also when it is one of a list. */
  name: string;
  path: readonly Step[];
  /** The same like `rules[0].tool`, as errors name it. */
  field: string;
  schema: Schema;
  body(value: unknown): unknown;
}

/** What stands for a value of these names, since the schema does not tell which ones exist. */
const SAMPLES: Record<string, unknown> = {
  email: 'somebody@example.com',
  url: 'https://example.com/',
  embeddingModel: 'offline',
  model: 'offline',
  fallbackModels: 'offline',
  tools: 'calculator:add',
  tool: 'calculator:add',
  scopes: 'agents:read',
  slug: 'a-slug',
  expiresAt: '2099-12-31T23:59:59Z',
  createdAfter: '2020-01-01T00:00:00Z',
  createdBefore: '2099-01-01T00:00:00Z',
  from: '2020-01-01T00:00:00Z',
  to: '2099-01-01T00:00:00Z',
};

/** Names of a record's entries, where not any name will do. */
const KEYS: Record<string, string> = { arguments: '$.path' };

/** What a value of a schema needs beside the property that is looked at, which `required` does not say. */
const COMPANIONS: Record<string, Record<string, unknown>> = {
  'CreateDatabaseConnectionDto.*': { url: 'postgres://user:password@db.example.com/shop' },
  'ContentBlockInput.fileId': { type: 'image' },
  'ToolContentInput.fileId': { type: 'image' },
  'ContentBlockInput.type': { text: 'Text' },
  'ToolContentInput.type': { text: 'Text' },
  'ContentBlockInput.*': { type: 'text', text: 'Text' },
  'ToolContentInput.*': { type: 'text', text: 'Text' },
  'CreateDocumentDto.*': { text: 'A text' },
  'CreateDocumentDto.url': { text: undefined },
  'BatchedDocumentDto.*': { text: 'A text' },
  'BatchedDocumentDto.url': { text: undefined },
};

/** What the OpenAPI document says can be asked, and how. */
export class ApiDocument {
  readonly operations: Operation[];
  private readonly samples = { ...SAMPLES };

  private constructor(
    readonly raw: {
      paths: Record<string, Record<string, RawOperation>>;
      components: { schemas: Record<string, Schema> };
    },
  ) {
    this.operations = Object.entries(raw.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => operationOf(path, method.toUpperCase(), operation)),
    );
  }

  static async of(url: string): Promise<ApiDocument> {
    return new ApiDocument((await new Client(url).get('/openapi.json').expect(200)).json());
  }

  operation(id: string): Operation {
    const found = this.operations.find((operation) => operation.id === id);
    if (!found) throw new Error(`There is no operation ${id}`);
    return found;
  }

  /** What is there, for fields of these names to name in samples. */
  know(named: Record<string, string>): void {
    Object.assign(this.samples, named);
  }

  /** The smallest value of a schema. */
  sample(schema: Schema, name = ''): unknown {
    const { schema: is, title } = this.resolved(schema);
    const type = typesOf(is).find((one) => one !== 'null');
    if (is.oneOf ?? is.anyOf) return this.sample(this.alternatives(is)[0] ?? {}, name);
    if (is.enum) return is.enum[0];
    if (type !== 'array' && type !== 'object' && name in this.samples) return this.samples[name];
    switch (type) {
      case 'object': {
        const required = Object.fromEntries(
          (is.required ?? []).map((property) => [property, this.sample(is.properties?.[property] ?? {}, property)]),
        );
        return { ...required, ...COMPANIONS[`${title}.*`] };
      }
      case 'array':
        return is.minItems ? [this.sample(is.items ?? {}, name)] : [];
      case 'string':
        if (is.format === 'uuid') return '01900000-0000-7000-8000-000000000000';
        if (is.pattern !== undefined && !new RegExp(is.pattern).test('text')) break;
        return 'text'.padEnd(is.minLength ?? 0, '-');
      case 'number':
      case 'integer':
        return Math.max(is.minimum ?? 1, 1);
      case 'boolean':
        return false;
      default:
    }
    throw new Error(`No sample is known of ${name}: ${JSON.stringify(is)}`);
  }

  /** Every place of a schema that can be told by its name, the root first. */
  *places(
    schema: Schema,
    at: Pick<Place, 'name' | 'path'> = { name: '', path: [] },
    body: (value: unknown) => unknown = (value) => value,
  ): Generator<Place> {
    for (const alternative of this.alternatives(schema)) {
      const { schema: is, title } = this.resolved(alternative);
      yield { name: at.name, path: at.path, field: fieldOf(at.path), schema: is, body };
      const types = typesOf(is);
      if (types.includes('array') && is.items) {
        const inList = { name: at.name, path: [...at.path, 0] };
        yield* this.places(is.items, inList, (value) => body([value]));
      }
      if (!types.includes('object')) continue;
      const base = this.sample(is) as Record<string, unknown>;
      for (const [property, of] of Object.entries(is.properties ?? {})) {
        const rest = { ...base, ...COMPANIONS[`${title}.${property}`] };
        const inside = { name: property, path: [...at.path, property] };
        yield* this.places(of, inside, (value) => body({ ...rest, [property]: value }));
      }
      if (typeof is.additionalProperties === 'object') {
        const key = KEYS[at.name] ?? 'key';
        const inside = { name: at.name, path: [...at.path, key] };
        yield* this.places(is.additionalProperties, inside, (value) => body({ [key]: value }));
      }
    }
  }

  resolved(schema: Schema): { schema: Schema; title: string } {
    const ref = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);
    if (ref === undefined) return { schema, title: '' };
    const title = ref.split('/').at(-1) ?? '';
    const found = this.raw.components.schemas[title];
    if (!found) throw new Error(`There is no schema ${ref}`);
    return { schema: found, title };
  }

  private alternatives(schema: Schema): Schema[] {
    const { schema: is } = this.resolved(schema);
    const several = is.oneOf ?? is.anyOf;
    return several ? several.filter(({ type }) => type !== 'null').flatMap((one) => this.alternatives(one)) : [schema];
  }
}

interface RawOperation {
  operationId: string;
  parameters?: (Parameter & { $ref?: string })[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
  security: object[];
  'x-permission'?: string;
}

const UPLOAD = 'multipart/form-data';
const BYTES = 'application/octet-stream';

/** What stands in a path for a parameter that is no id. */
const NAMES: Record<string, string> = { path: 'notes.txt' };

function operationOf(path: string, method: string, operation: RawOperation): Operation {
  const parameters = (operation.parameters ?? []).filter(({ $ref }) => $ref === undefined);
  const contents = Object.keys(operation.requestBody?.content ?? {});
  if (contents.some((type) => ![UPLOAD, BYTES, 'application/json'].includes(type)))
    throw new Error(`${path} takes ${contents.join()}`);
  // A position in a stream names nothing.
  const others = parameters.filter(({ in: where, name }) => !/path|query/.test(where) && name !== 'Last-Event-ID');
  if (others.length > 0) throw new Error(`${path} takes ${others.map(({ name }) => name).join()} elsewhere`);
  const responses = Object.entries(operation.responses);
  return {
    id: operation.operationId,
    method,
    path: path.replace(/\{(\w+)\}/g, (parameter, name: string) => NAMES[name] ?? parameter),
    pathParameters: parameters.filter(({ in: where, name }) => where === 'path' && !(name in NAMES)),
    query: parameters.filter(({ in: where }) => where === 'query'),
    body: operation.requestBody?.content['application/json']?.schema ?? null,
    takesUpload: contents.includes(UPLOAD),
    takesBytes: contents.includes(BYTES),
    answers: new Map(
      responses
        .filter(([status]) => Number(status) < 300)
        .map(([status, { content }]) => [Number(status), content?.['application/json']?.schema ?? null]),
    ),
    statuses: new Set(responses.map(([status]) => Number(status))),
    permission: operation['x-permission'] ?? null,
    isOpen: operation.security.length === 0,
    streams: responses.some(([, { content }]) => 'text/event-stream' in (content ?? {})),
  };
}

export function typesOf({ type }: Schema): string[] {
  return type === undefined ? [] : [type].flat();
}

/** As errors name it: `steps[0].name`. */
function fieldOf(path: readonly Step[]): string {
  return path.reduce<string>(
    (field, step) => (typeof step === 'number' ? `${field}[${step}]` : field === '' ? step : `${field}.${step}`),
    '',
  );
}
