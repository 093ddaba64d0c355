import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { jsonIn } from './json-in-text.js';

export type Judgement =
  /** `json`: the one value in the answer that fits, as it was written. */
  | { kind: 'fits'; json: string }
  | { kind: 'faulty'; faults: string[] }
  /** The schema is none. */
  | { kind: 'invalid'; reason: string }
  /** The schema goes deeper than a stack, as one does that only refers to itself. */
  | { kind: 'exceeded'; of: 'depth' };

const MAX_FAULTS = 10;
const MAX_CHARS = 300;

/**
 * Holds an answer against a schema; without one (null) the schema is tried on a null. Runs in a thread of its own, since
 * schemas and patterns can take for ever.
 */
export default function judgeOutput({
  schema,
  answer,
}: {
  schema: Record<string, unknown>;
  answer: string | null;
}): Judgement {
  try {
    const validate = compiled(schema);
    return judged(validate, answer ?? 'null');
  } catch (error) {
    if (error instanceof RangeError) return { kind: 'exceeded', of: 'depth' };
    return { kind: 'invalid', reason: shortened((error as Error).message) };
  }
}

function compiled(schema: Record<string, unknown>): ValidateFunction {
  // Its validator would answer a promise, which passes for a yes.
  if (Object.hasOwn(schema, '$async')) throw new Error('$async is no keyword of JSON Schema');
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false, logger: false });
  if (ajv.validateSchema(schema) !== true) throw new Error(told(ajv.errors, 'the schema')[0]);
  return ajv.compile(schema);
}

function judged(validate: ValidateFunction, answer: string): Judgement {
  const values = jsonIn(answer);
  const fitting: string[] = [];
  let faults: string[] = [];
  for (const value of values) {
    if (validate(JSON.parse(value))) fitting.push(value);
    else faults = told(validate.errors, 'the value');
  }
  const [json, ...more] = new Set(fitting);
  if (json !== undefined && more.length === 0) return { kind: 'fits', json };
  if (json !== undefined)
    return { kind: 'faulty', faults: ['it holds several JSON values, any of which may be meant'] };
  return { kind: 'faulty', faults: values.length > 0 ? faults : [noJson(answer)] };
}

function noJson(answer: string): string {
  try {
    JSON.parse(answer);
  } catch (error) {
    return shortened(`it is not JSON: ${(error as Error).message}`);
  }
  return 'it is not JSON';
}

function told(errors: ErrorObject[] | null | undefined, whole: string): string[] {
  const faults = (errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath || whole} ${message ?? 'is wrong'}${detail(params)}`,
  );
  return [...new Set(faults)].slice(0, MAX_FAULTS).map(shortened);
}

function detail(params: Record<string, unknown>): string {
  const { additionalProperty, unevaluatedProperty, allowedValues, allowedValue } = params;
  const part = additionalProperty ?? unevaluatedProperty ?? allowedValues ?? allowedValue;
  return part === undefined ? '' : `: ${JSON.stringify(part)}`;
}

function shortened(text: string): string {
  return text.length > MAX_CHARS ? `${text.slice(0, MAX_CHARS)}…` : text;
}
