import { Ajv, type Options, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';

/** None is kept by its `$id`, which schemas of strangers may share. */
const OPTIONS: Options = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  addUsedSchema: false,
};
const MAX_CHARS = 2_000;

/** Schemas of tools, each as its JSON, compiled; `most` of them are kept, those that were asked for last. */
export class ToolSchemas {
  private readonly ajv = new Ajv(OPTIONS);
  private readonly ajv2020 = new Ajv2020(OPTIONS);
  private readonly validators = new Map<string, ValidateFunction>();

  private readonly most: number;

  constructor(most: number) {
    this.most = most;
  }

  /** Why no input can be held against the schema; null where one can. */
  flaw(schema: string): string | null {
    try {
      this.validatorOf(schema);
      return null;
    } catch (error) {
      return (error as Error).message.slice(0, MAX_CHARS);
    }
  }

  /** What is wrong with the input; null where nothing is. */
  fault(schema: string, input: unknown): string | null {
    try {
      const validate = this.validatorOf(schema);
      if (validate(input)) return null;
      return this.ajv.errorsText(validate.errors, { dataVar: 'input' }).slice(0, MAX_CHARS);
    } catch (error) {
      return `the schema itself can not be used: ${(error as Error).message.slice(0, MAX_CHARS)}`;
    }
  }

  private validatorOf(text: string): ValidateFunction {
    const validate = this.validators.get(text) ?? this.compiled(text);
    this.validators.delete(text);
    this.validators.set(text, validate);
    const [oldest] = this.validators.keys();
    if (this.validators.size > this.most && oldest !== undefined) this.validators.delete(oldest);
    return validate;
  }

  private compiled(text: string): ValidateFunction {
    // Its validator would answer a promise, which passes for a yes.
    if (text.includes('"$async"')) throw new Error('$async is no keyword of JSON Schema');
    const schema = JSON.parse(text) as Record<string, unknown>;
    const isOf2020 = typeof schema['$schema'] === 'string' && schema['$schema'].includes('2020-12');
    const ajv = this.compilerOf(text, isOf2020);
    const validate = ajv.compile(schema);
    // It keeps all that it ever compiled.
    ajv.removeSchema(schema);
    return validate;
  }

  /** One with names in it gets its own, which costs a millisecond: another's `$ref` could lead there. */
  private compilerOf(text: string, isOf2020: boolean): Ajv {
    if (text.includes('"$id"')) return new (isOf2020 ? Ajv2020 : Ajv)(OPTIONS);
    return isOf2020 ? this.ajv2020 : this.ajv;
  }
}
