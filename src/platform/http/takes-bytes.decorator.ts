import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBody, ApiConsumes } from '@nestjs/swagger';

export const TAKES_BYTES = Symbol('takes bytes');

/** The body of the route is bytes of any type; the handler reads them off the request (`bodyBytes`). */
export function TakesBytes(): MethodDecorator {
  const schema = { type: 'string', format: 'binary' };
  return applyDecorators(SetMetadata(TAKES_BYTES, true), ApiConsumes('application/octet-stream'), ApiBody({ schema }));
}
