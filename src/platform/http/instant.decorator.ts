import { applyDecorators } from '@nestjs/common';
import { IsISO8601, Matches } from 'class-validator';

/** The strict ISO 8601 of class-validator lets through what neither `Date` nor Postgres reads: weeks, bare years. */
const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;

/** A day, which begins at midnight UTC, or a time with its zone. `new Date` reads it. */
export function IsInstant(): PropertyDecorator {
  const message = '$property must be a day or a time like 2030-12-31T23:59:59Z';
  return applyDecorators(IsISO8601({ strict: true }, { message }), Matches(INSTANT, { message }));
}
