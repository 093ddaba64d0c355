import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { isUuid } from '../../platform/http/id.decorator.js';

/** Holds what a tool is given against its schema. */
export class ServedInputs {
  private readonly ajv = new Ajv({ allErrors: true, formats: { uuid: isUuid } });
  private readonly validators = new WeakMap<object, ValidateFunction>();

  /** @throws ValidationFailed */
  check(schema: object, input: Record<string, unknown>): void {
    const validate = this.validators.get(schema) ?? this.ajv.compile(schema);
    this.validators.set(schema, validate);
    if (!validate(input)) throw new ValidationFailed((validate.errors ?? []).map(fieldError));
  }
}

function fieldError({ instancePath, params, message = 'is not valid' }: ErrorObject): FieldError {
  const { missingProperty, additionalProperty } = params as Record<string, string | undefined>;
  const inside = instancePath.slice(1).replaceAll('/', '.');
  const field = [inside, missingProperty ?? additionalProperty].filter(Boolean).join('.') || 'arguments';
  return { field, message: `${field}: ${message}` };
}
