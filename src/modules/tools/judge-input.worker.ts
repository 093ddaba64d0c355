import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

const OPTIONS = { strict: false, allErrors: true, validateFormats: false, logger: false } as const;
const MAX_CHARS = 2_000;
/** Compiled schemas that a thread keeps; one that is asked for again goes to the end. */
const KEPT = 200;

const validators = new Map<string, ValidateFunction>();

/** What is wrong with an input by its tool's schema, both as JSON; null where nothing is. */
export default function judgeInput({ schema, input }: { schema: string; input: string }): string | null {
  try {
    const validate = validatorOf(schema);
    if (validate(JSON.parse(input))) return null;
    return new Ajv(OPTIONS).errorsText(validate.errors, { dataVar: 'input' }).slice(0, MAX_CHARS);
  } catch (error) {
    return `the schema itself can not be used: ${(error as Error).message.slice(0, MAX_CHARS)}`;
  }
}

function validatorOf(text: string): ValidateFunction {
  const known = validators.get(text);
  if (known) validators.delete(text);
  const validate = known ?? compiled(text);
  validators.set(text, validate);
  const [oldest] = validators.keys();
  if (validators.size > KEPT && oldest !== undefined) validators.delete(oldest);
  return validate;
}

/** A compiler of its own for each: schemas of strangers may share an `$id`. */
function compiled(text: string): ValidateFunction {
  // Its validator would answer a promise, which passes for a yes.
  if (text.includes('"$async"')) throw new Error('$async is no keyword of JSON Schema');
  const schema = JSON.parse(text) as Record<string, unknown>;
  const isOf2020 = typeof schema['$schema'] === 'string' && schema['$schema'].includes('2020-12');
  return new (isOf2020 ? Ajv2020 : Ajv)(OPTIONS).compile(schema);
}
