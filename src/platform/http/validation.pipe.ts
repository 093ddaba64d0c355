import { Injectable, type ArgumentMetadata, type PipeTransform, type Type } from '@nestjs/common';
import { validate } from 'class-validator';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { toInstance } from './dto-instance.js';
import { fieldErrors, MAX_FAULTS } from './field-errors.js';

export const STRICT = { whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: false };

const NOT_A_DTO = new Set<unknown>([Object, Array, String, Number, Boolean, Date, undefined]);

/** Bodies and queries become instances of their DTOs, or are refused with every field at fault. */
@Injectable()
export class ValidationPipe implements PipeTransform {
  /** @throws ValidationFailed */
  async transform(value: unknown, { type, metatype, data }: ArgumentMetadata): Promise<unknown> {
    if ((type !== 'body' && type !== 'query') || data !== undefined || NOT_A_DTO.has(metatype)) return value;
    const plain = value === undefined ? {} : value;
    if (typeof plain !== 'object' || plain === null || Array.isArray(plain))
      throw ValidationFailed.of('body', 'body must be a JSON object');
    const faults: FieldError[] = [];
    const dto = toInstance(metatype as Type, plain as Record<string, unknown>, faults);
    const errors = await validate(dto, STRICT);
    faults.push(...fieldErrors(errors));
    if (faults.length > 0) throw new ValidationFailed(faults.slice(0, MAX_FAULTS));
    return dto;
  }
}
