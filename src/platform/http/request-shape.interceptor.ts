import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { ValidationFailed, type FieldError } from '../../contracts/errors.js';
import { shorten } from './field-path.js';
import { MAX_FAULTS } from './field-errors.js';
import { routeArguments, type RouteArguments } from './route-arguments.js';
import { textFault } from './text-faults.js';

/** Refuses what no DTO gets to see: texts that can't be stored, and fields and parameters of routes that take none. */
@Injectable()
export class RequestShapeInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (context.getType() !== 'http') return next.handle();
    const { body, query } = context.switchToHttp().getRequest<Request<object, unknown, unknown>>();
    const fault = textFault(query, 'query') ?? textFault(body, 'body');
    const faults = fault ? [fault] : unasked(routeArguments(context), query, body);
    if (faults.length > 0) throw new ValidationFailed(faults);
    return next.handle();
  }
}

function unasked(route: RouteArguments, query: Request['query'], body: unknown): FieldError[] {
  const { query: taken } = route;
  const parameters = taken === 'all' ? [] : Object.keys(query).filter((name) => !taken.has(name));
  const isList = Array.isArray(body) || (typeof body !== 'object' && body !== undefined) || body === null;
  if (!route.takesBody && isList) return [{ field: 'body', message: 'body must be empty here' }];
  const fields = route.takesBody ? [] : Object.keys(body ?? {});
  return [...parameters, ...fields].slice(0, MAX_FAULTS).map((name) => {
    const field = shorten(name);
    return { field, message: `property ${field} should not exist` };
  });
}
