import { Injectable, Param, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { NotFound } from '../../contracts/errors.js';

const UUID = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i;

export function isUuid(text: unknown): text is string {
  return typeof text === 'string' && UUID.test(text);
}

/** By which ids in a list are told apart: they may be spelled in capitals. */
export function spelledAlike(id: unknown): unknown {
  return typeof id === 'string' ? id.toLowerCase() : id;
}

/** No resource has an id that is no UUID, so asking for one finds nothing. */
@Injectable()
export class PathId implements PipeTransform<string, string> {
  /** @throws NotFound */
  transform(id: string): string {
    if (!isUuid(id)) throw new NotFound();
    return id.toLowerCase();
  }
}

/** An id in the path: `@Id() id: string`, `@Id('userId') userId: string`. One that is no UUID answers 404. */
export function Id(name = 'id'): ParameterDecorator {
  return (target, method, index) => {
    Param(name, PathId)(target, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(target, method);
    if (descriptor) ApiParam({ name, schema: { type: 'string', format: 'uuid' } })(target, method, descriptor);
  };
}
