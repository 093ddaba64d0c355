import type { Type } from '@nestjs/common';
import { TransformationType } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { fieldError } from './field-errors.js';

const MAX_OBJECTS = 10_000;

type Step = string | number;
type Plain = Record<string, unknown>;
type TypeMetadata = ReturnType<typeof defaultMetadataStorage.findTypeMetadata>;

/**
 * A DTO from JSON, by the `@Type` and `@Transform` of its class. In place of `plainToInstance`, which takes seconds for
 * a flat object of 1 MiB, throws at a field named `constructor`, drops those named like methods of Object, and copies
 * free-form JSON. Fields without `@Type` are taken over as they are. `faults` gets what can't be a field of any DTO.
 */
export function toInstance(type: Type, plain: Plain, faults: FieldError[]): object {
  return new Building(faults).build(type, plain, []);
}

/** The same of each of a list; what they hold counts together, and faults are at `[index].field`. */
export function toInstances(type: Type, list: readonly Plain[], faults: FieldError[]): object[] {
  const building = new Building(faults);
  return list.map((plain, index) => building.build(type, plain, [index]));
}

class Building {
  private objects = 0;

  constructor(private readonly faults: FieldError[]) {}

  build(type: Type, plain: Plain, path: Step[]): object {
    if (++this.objects > MAX_OBJECTS)
      throw ValidationFailed.of('body', `body must not hold more than ${MAX_OBJECTS} objects`);
    const instance = new type() as Plain;
    for (const [name, raw] of Object.entries(plain)) {
      const here = [...path, name];
      if (name in (type.prototype as object)) {
        this.faults.push(fieldError(here, `property ${name} should not exist`, raw));
        continue;
      }
      let value = this.convert(
        defaultMetadataStorage.findTypeMetadata(type, name),
        raw,
        { plain, name, instance },
        here,
      );
      const transforms = defaultMetadataStorage.findTransformMetadatas(type, name, TransformationType.PLAIN_TO_CLASS);
      for (const { transformFn } of transforms) {
        value = transformFn({
          value,
          key: name,
          obj: plain,
          type: TransformationType.PLAIN_TO_CLASS,
          options: {},
        }) as unknown;
      }
      instance[name] = value;
    }
    return instance;
  }

  private convert(
    metadata: TypeMetadata | undefined,
    raw: unknown,
    at: { plain: Plain; name: string; instance: object },
    path: Step[],
  ): unknown {
    if (!metadata || raw === null) return raw;
    if (Array.isArray(raw) && isDto(metadata.reflectedType)) {
      this.faults.push(fieldError(path, `${at.name} must be an object`, raw));
      return raw;
    }
    if (Array.isArray(raw)) return raw.map((item, index) => this.convert(metadata, item, at, [...path, index]));
    const named = metadata.typeFunction({ newObject: at.instance, object: at.plain, property: at.name });
    const type = isObject(raw) ? (subtype(metadata, raw) ?? named) : named;
    const primitive = PRIMITIVES.get(type);
    if (primitive) return primitive(raw);
    return isObject(raw) ? this.build(type as Type, raw, path) : raw;
  }
}

/** What is no such value is left as it is, for the validator to name. */
const PRIMITIVES = new Map<unknown, (raw: unknown) => unknown>([
  [Number, (raw) => (typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw)],
  [Boolean, (raw) => (raw === 'true' ? true : raw === 'false' ? false : raw)],
  [Date, (raw) => (typeof raw === 'string' ? new Date(raw) : raw)],
  [String, (raw) => raw],
  [Object, (raw) => raw],
]);

function subtype({ options }: NonNullable<TypeMetadata>, raw: Plain): unknown {
  const discriminator = options.discriminator;
  return discriminator?.subTypes.find(({ name }) => name === raw[discriminator.property])?.value;
}

/** For one such object class-validator takes a list of them as well. */
function isDto(declared: unknown): boolean {
  return typeof declared === 'function' && declared !== Array && declared !== Object && !PRIMITIVES.has(declared);
}

export function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
