import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import type { Request } from 'express';
import { catchError, type Observable } from 'rxjs';
import { DomainError, NotFound } from '../../contracts/errors.js';
import { isUuid } from './id.decorator.js';
import { PATH_RESOURCE, type PathResourceCheck } from './path-resource.js';
import { routeArguments } from './route-arguments.js';

type Check = (...ids: string[]) => unknown;

/** Everything a path can be wrong about is told before anything a body or query can be wrong about. */
@Injectable()
export class PathInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly moduleRef: ModuleRef,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    if (context.getType() !== 'http') return next.handle();
    const { params } = context.switchToHttp().getRequest<Request>();
    const namesNothing = routeArguments(context).ids.some((name) => !isUuid(params[name]));
    // The parts of a wildcard are the handler's to judge.
    const texts = Object.values(params).filter((text) => typeof text === 'string');
    if (namesNothing || texts.some((text) => text.includes('\0'))) throw new NotFound();
    return next.handle().pipe(
      catchError(async (error: unknown) => {
        if (error instanceof DomainError && error.status === 422) await this.checkResource(context, params);
        throw error;
      }),
    );
  }

  /** @throws NotFound */
  private async checkResource(context: ExecutionContext, params: Request['params']): Promise<void> {
    const check = this.reflector.getAllAndOverride<PathResourceCheck | undefined>(PATH_RESOURCE, [
      context.getHandler(),
      context.getClass(),
    ]);
    const ids = check?.parameters.map((name) => params[name]) ?? [];
    if (!check || !ids.every((id) => typeof id === 'string')) return;
    const service = this.moduleRef.get<Record<string, Check>>(check.service, { strict: false });
    await service[check.method]?.(...ids);
  }
}
