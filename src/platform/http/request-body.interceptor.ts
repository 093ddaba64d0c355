import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request } from 'express';
import type { Observable } from 'rxjs';
import { BODY_LIMIT, DEFAULT_BODY_LIMIT_BYTES } from './body-limit.decorator.js';
import { readJsonBody } from './json-body.js';

const WITH_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** Reads the body after the guards, so that who may not call learns nothing by it and costs nothing. */
@Injectable()
export class RequestBodyInterceptor implements NestInterceptor {
  constructor(private readonly reflector: Reflector) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    request.body = WITH_BODY.has(request.method) ? await readJsonBody(request, this.limitOf(context)) : undefined;
    return next.handle();
  }

  private limitOf(context: ExecutionContext): number {
    const declared = [context.getHandler(), context.getClass()];
    return this.reflector.getAllAndOverride<number | undefined>(BODY_LIMIT, declared) ?? DEFAULT_BODY_LIMIT_BYTES;
  }
}
