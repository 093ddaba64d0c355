import { Body, type PipeTransform, type Type } from '@nestjs/common';
import { ApiBody, ApiExtraModels, getSchemaPath } from '@nestjs/swagger';
import { validate } from 'class-validator';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { isObject, toInstances } from './dto-instance.js';
import { fieldError, fieldErrors, MAX_FAULTS } from './field-errors.js';
import { STRICT } from './validation.pipe.js';

/** A body that is a list of 1 to `most` DTOs: `@ListBody(ThingDto, 100) things: ThingDto[]`. Faults are at `[2].name`. */
export function ListBody(item: Type, most: number): ParameterDecorator {
  return (target, method, index) => {
    Body(new ListBodyPipe(item, most))(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method === undefined || !descriptor) return;
    ApiExtraModels(item)(target, method, descriptor);
    const items = { $ref: getSchemaPath(item) };
    ApiBody({ schema: { type: 'array', items, minItems: 1, maxItems: most } })(target, method, descriptor);
  };
}

class ListBodyPipe implements PipeTransform {
  constructor(
    private readonly item: Type,
    private readonly most: number,
  ) {}

  /** @throws ValidationFailed */
  async transform(body: unknown): Promise<object[]> {
    if (!Array.isArray(body) || body.length < 1 || body.length > this.most)
      throw ValidationFailed.of('body', `body must be a list of 1 to ${this.most} objects`);
    const list = body as unknown[];
    const faults: FieldError[] = list.flatMap((entry, index) =>
      isObject(entry) ? [] : [fieldError([index], `[${index}] must be an object`, entry)],
    );
    if (faults.length === 0) return this.validated(list.filter(isObject));
    throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
  }

  private async validated(list: Record<string, unknown>[]): Promise<object[]> {
    const faults: FieldError[] = [];
    const dtos = toInstances(this.item, list, faults);
    for (const [index, dto] of dtos.entries()) faults.push(...fieldErrors(await validate(dto, STRICT), [index]));
    if (faults.length > 0) throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
    return dtos;
  }
}
