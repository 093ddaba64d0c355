import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** Schemas of strangers may share an `$id`: none is kept by it. */
const OPTIONS = { strict: false, validateFormats: false, logger: false, addUsedSchema: false } as const;

/** For each schema why no input can be held against it, or null. In a thread, since a schema can take for ever. */
export default function judgeSchemas(schemas: readonly Record<string, unknown>[]): (string | null)[] {
  const [ajv, ajv2020] = [new Ajv(OPTIONS), new Ajv2020(OPTIONS)];
  return schemas.map((schema) => {
    // Its validator would answer a promise, which passes for a yes, and rejects where nobody listens.
    if (JSON.stringify(schema).includes('"$async"')) return '$async is no keyword of JSON Schema';
    const isOf2020 = typeof schema['$schema'] === 'string' && schema['$schema'].includes('2020-12');
    try {
      (isOf2020 ? ajv2020 : ajv).compile(schema);
      return null;
    } catch (error) {
      return (error as Error).message.slice(0, 200);
    }
  });
}
