import { Injectable } from '@nestjs/common';
import { Ajv, type ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { ValidationFailed } from '../../contracts/errors.js';
import type { ToolDefinition } from './tool.js';

const OPTIONS = { strict: false, allErrors: true, validateFormats: false } as const;

/** Holds inputs against the schemas of their tools. */
@Injectable()
export class ToolInputs {
  private readonly validators = new WeakMap<object, ValidateFunction>();

  /** @throws ValidationFailed on `arguments` */
  require({ inputSchema }: ToolDefinition, input: Record<string, unknown>): void {
    const validate = this.validator(inputSchema);
    if (validate(input)) return;
    const faults = new Ajv(OPTIONS).errorsText(validate.errors, { dataVar: 'input' });
    throw ValidationFailed.of('arguments', `The input does not fit the tool's schema: ${faults}`);
  }

  private validator(schema: Record<string, unknown>): ValidateFunction {
    const known = this.validators.get(schema);
    if (known) return known;
    const validate = compile(schema);
    this.validators.set(schema, validate);
    return validate;
  }
}

/** A validator of its own for each: schemas of strangers may share an `$id`, and are forgotten with their tools. */
function compile(schema: Record<string, unknown>): ValidateFunction {
  const ofDraft = typeof schema['$schema'] === 'string' && schema['$schema'].includes('2020-12') ? Ajv2020 : Ajv;
  try {
    return new ofDraft(OPTIONS).compile(schema);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw ValidationFailed.of('arguments', `The tool's own schema can not be used: ${why}`);
  }
}
