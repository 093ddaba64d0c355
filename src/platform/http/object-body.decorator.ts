import { Body, type PipeTransform } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { ValidationFailed } from '../../contracts/errors.js';
import { isObject } from './dto-instance.js';

/** A body that is a JSON object of any names: `@ObjectBody() patch: Record<string, unknown>`. */
export function ObjectBody(): ParameterDecorator {
  return (target, method, index) => {
    Body(new ObjectBodyPipe())(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method === undefined || !descriptor) return;
    ApiBody({ schema: { type: 'object', additionalProperties: true } })(target, method, descriptor);
  };
}

class ObjectBodyPipe implements PipeTransform {
  /** @throws ValidationFailed */
  transform(body: unknown): Record<string, unknown> {
    if (!isObject(body)) throw ValidationFailed.of('body', 'body must be a JSON object');
    return body;
  }
}
