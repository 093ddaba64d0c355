import { SetMetadata } from '@nestjs/common';

export const BODY_LIMIT = Symbol('body limit');
export const DEFAULT_BODY_LIMIT_BYTES = 1024 * 1024;

/** How large the JSON body of a route or of a controller's routes may be, instead of 1 MiB. */
export function BodyLimit(bytes: number): MethodDecorator & ClassDecorator {
  return SetMetadata(BODY_LIMIT, bytes);
}
