import { ValidateBy } from 'class-validator';

/** What people keep beside a thing of theirs comes with it wherever it is shown, also a hundred to a page. */
export const METADATA_BYTES = 64 * 1024;

/** The value may take so many bytes as JSON in UTF-8. */
export function MaxJsonBytes(most: number): PropertyDecorator {
  return ValidateBy({
    name: 'maxJsonBytes',
    validator: {
      validate: (value: unknown) => {
        const json: unknown = JSON.stringify(value);
        // What is no JSON, such as nothing at all, is for others to refuse.
        return typeof json !== 'string' || Buffer.byteLength(json) <= most;
      },
      defaultMessage: (told) => `${told?.property ?? 'it'} must not be larger than ${most} bytes of JSON`,
    },
  });
}
