import { SetMetadata, type Type } from '@nestjs/common';

export const PATH_RESOURCE = Symbol('path resource');

export interface PathResourceCheck {
  service: Type;
  method: string;
  parameters: string[];
}

type MethodOf<S> = { [K in keyof S]: S[K] extends (...ids: string[]) => unknown ? K : never }[keyof S] & string;

/**
 * How to tell whether what the path names exists for the caller: a method that takes the named path parameters and
 * throws NotFound. It is asked when the request is refused with 422, since a 404 of the path comes before that.
 * Put on a controller or a handler; routes without these parameters are left alone.
 */
export function PathResource<S>(
  service: Type<S>,
  method: MethodOf<S>,
  ...parameters: string[]
): MethodDecorator & ClassDecorator {
  const names = parameters.length > 0 ? parameters : ['id'];
  return SetMetadata(PATH_RESOURCE, { service, method, parameters: names } satisfies PathResourceCheck);
}
