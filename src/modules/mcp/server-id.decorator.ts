import { Injectable, Param, type PipeTransform } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import { NotFound } from '../../contracts/errors.js';
import { isUuid } from '../../platform/http/id.decorator.js';

const BUILTIN = /^[a-z0-9_-]{1,32}$/;

@Injectable()
class ServerIdPipe implements PipeTransform<string, string> {
  /** @throws NotFound */
  transform(id: string): string {
    if (isUuid(id)) return id.toLowerCase();
    if (!BUILTIN.test(id)) throw new NotFound('MCP server');
    return id;
  }
}

/** A server in the path: its id, or a built-in's name. */
export function ServerId(): ParameterDecorator {
  return (target, method, index) => {
    Param('id', ServerIdPipe)(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method === undefined || !descriptor) return;
    const schema = { type: 'string' as const, maxLength: 36 };
    ApiParam({ name: 'id', description: "The server's id, or a built-in's name", schema })(target, method, descriptor);
  };
}
