import { ValidateBy, type ValidationOptions } from 'class-validator';
import { isScope } from '../../contracts/permissions.js';

/** A list of names of permissions, or of patterns that name at least one. */
export function AreScopes(options?: ValidationOptions): PropertyDecorator {
  return ValidateBy(
    {
      name: 'areScopes',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isScope(value),
        defaultMessage: () => 'each value in $property must be a permission like agents:read, agents:* or *:read',
      },
    },
    { each: true, ...options },
  );
}
