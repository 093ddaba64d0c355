import { ValidateBy } from 'class-validator';

/** A JSON Schema by which model providers take a tool's input: of an object. */
export function IsObjectSchema(): PropertyDecorator {
  return ValidateBy({
    name: 'isObjectSchema',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'object' &&
        value !== null &&
        (!('type' in value) || value.type === 'object') &&
        !('$async' in value),
      defaultMessage: (told) => `${told?.property ?? 'it'} must be a JSON Schema of an object`,
    },
  });
}
