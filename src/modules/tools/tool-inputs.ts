import { Injectable } from '@nestjs/common';
import { Ajv, type ValidateFunction } from 'ajv';
import { ValidationFailed } from '../../contracts/errors.js';
import { BoundedWork, WorkExceeded } from '../../platform/compute/bounded-work.js';
import type judgeInput from './judge-input.worker.js';
import type { ToolDefinition } from './tool.js';

const JUDGE = new URL('./judge-input.worker.js', import.meta.url);
/** A thread that has to be started first takes some of it. */
const LIMIT_MS = 5_000;

/**
 * Holds inputs against the schemas of their tools: those of strangers in threads that can be killed, since a pattern or
 * a schema that refers to itself can keep a processor busy for ever.
 */
@Injectable()
export class ToolInputs {
  private readonly ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  private readonly validators = new WeakMap<object, ValidateFunction>();
  private readonly texts = new WeakMap<object, string>();

  constructor(private readonly work: BoundedWork) {}

  /** @throws ValidationFailed on `arguments` */
  async require(definition: ToolDefinition, input: Record<string, unknown>, signal?: AbortSignal): Promise<void> {
    const isOurs = definition.source === 'builtin' || definition.source === 'agent';
    const fault = isOurs ? this.faultHere(definition, input) : await this.faultElsewhere(definition, input, signal);
    if (fault !== null) throw ValidationFailed.of('arguments', `The input does not fit the tool's schema: ${fault}`);
  }

  private faultHere({ inputSchema }: ToolDefinition, input: Record<string, unknown>): string | null {
    const validate = this.validators.get(inputSchema) ?? this.ajv.compile(inputSchema);
    this.validators.set(inputSchema, validate);
    return validate(input) ? null : this.ajv.errorsText(validate.errors, { dataVar: 'input' });
  }

  private async faultElsewhere(
    { inputSchema }: ToolDefinition,
    input: Record<string, unknown>,
    signal?: AbortSignal,
  ): Promise<string | null> {
    const schema = this.texts.get(inputSchema) ?? JSON.stringify(inputSchema);
    this.texts.set(inputSchema, schema);
    try {
      const given = { schema, input: JSON.stringify(input) };
      return await this.work.run<typeof judgeInput>(JUDGE, given, { limitMs: LIMIT_MS, patient: true, signal });
    } catch (error) {
      if (error instanceof WorkExceeded) return `to tell takes more ${error.of} than it may`;
      throw error;
    }
  }
}
