import { Injectable } from '@nestjs/common';
import { Ajv, type ValidateFunction } from 'ajv';
import { ValidationFailed } from '../../contracts/errors.js';
import { BoundedWork, WorkExceeded } from '../../platform/compute/bounded-work.js';
import type judgeInput from './judge-input.worker.js';
import type { ToolDefinition } from './tool.js';

const JUDGE = new URL('./judge-input.worker.js', import.meta.url);
/** A thread that has to be started first takes some of it. */
const LIMIT_MS = 5_000;

/** Schemas of strangers that are small and have none of these take time by their size and the input's alone. */
const SMALL_CHARS = 8_192;
const NOT_PLAIN =
  /"(pattern|patternProperties|\$ref|\$dynamicRef|\$recursiveRef|\$async|\$schema|\$id|id|uniqueItems)"/;
/** Compiled ones that are kept; one that is asked for again goes to the end. */
const KEPT = 500;

/**
 * Holds inputs against the schemas of their tools: those of strangers that are not plain in threads that can be killed,
 * since a pattern, or a schema that refers to itself, can keep a processor busy for ever.
 */
@Injectable()
export class ToolInputs {
  private readonly ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, addUsedSchema: false });
  private readonly texts = new WeakMap<object, string>();
  private readonly validators = new Map<string, ValidateFunction>();

  constructor(private readonly work: BoundedWork) {}

  /** @throws ValidationFailed on `arguments` */
  async require(definition: ToolDefinition, input: Record<string, unknown>, signal?: AbortSignal): Promise<void> {
    const schema = this.texts.get(definition.inputSchema) ?? JSON.stringify(definition.inputSchema);
    this.texts.set(definition.inputSchema, schema);
    const isOurs = definition.source === 'builtin' || definition.source === 'agent';
    const isPlain = isOurs || (schema.length <= SMALL_CHARS && !NOT_PLAIN.test(schema));
    const fault = isPlain ? this.faultHere(schema, input) : await this.faultElsewhere(schema, input, signal);
    if (fault !== null) throw ValidationFailed.of('arguments', `The input does not fit the tool's schema: ${fault}`);
  }

  private faultHere(schema: string, input: Record<string, unknown>): string | null {
    try {
      const validate = this.validatorOf(schema);
      return validate(input) ? null : this.ajv.errorsText(validate.errors, { dataVar: 'input' });
    } catch (error) {
      return `the schema itself can not be used: ${(error as Error).message}`;
    }
  }

  private validatorOf(schema: string): ValidateFunction {
    const validate = this.validators.get(schema) ?? this.compiled(JSON.parse(schema) as object);
    this.validators.delete(schema);
    this.validators.set(schema, validate);
    const [oldest] = this.validators.keys();
    if (this.validators.size > KEPT && oldest !== undefined) this.validators.delete(oldest);
    return validate;
  }

  private compiled(schema: object): ValidateFunction {
    const validate = this.ajv.compile(schema);
    // It keeps all that it ever compiled.
    this.ajv.removeSchema(schema);
    return validate;
  }

  private async faultElsewhere(
    schema: string,
    input: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<string | null> {
    try {
      const given = { schema, input: JSON.stringify(input) };
      return await this.work.run<typeof judgeInput>(JUDGE, given, { limitMs: LIMIT_MS, patient: true, signal });
    } catch (error) {
      if (error instanceof WorkExceeded) return `to tell takes more ${error.of} than it may`;
      throw error;
    }
  }
}
