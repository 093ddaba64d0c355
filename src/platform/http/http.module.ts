import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE, HttpAdapterHost } from '@nestjs/core';
import type { NextFunction, Request, Response } from 'express';
import { NotFound } from '../../contracts/errors.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { DependencyChecks } from './dependency-checks.js';
import { ErrorFilter } from './error.filter.js';
import { HealthChecks } from './health-checks.js';
import { HealthController } from './health.controller.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { IdempotencyRepository } from './idempotency.repository.js';
import { IdempotencySweeper } from './idempotency.sweeper.js';
import { Cursors } from './pagination.js';
import { PathInterceptor } from './path.interceptor.js';
import { RateLimiter } from './rate-limiter.js';
import { Readiness } from './readiness.js';
import { RequestBodyInterceptor } from './request-body.interceptor.js';
import { RequestRates } from './request-rates.js';
import { RequestShapeInterceptor } from './request-shape.interceptor.js';
import { ValidationPipe } from './validation.pipe.js';

/** What every request goes through; the order of the interceptors is the order in which refusals are decided. */
@Global()
@Module({
  imports: [TelemetryModule],
  controllers: [HealthController],
  providers: [
    { provide: APP_FILTER, useClass: ErrorFilter },
    { provide: APP_INTERCEPTOR, useClass: RequestBodyInterceptor },
    { provide: APP_INTERCEPTOR, useClass: PathInterceptor },
    { provide: APP_INTERCEPTOR, useClass: RequestShapeInterceptor },
    { provide: APP_INTERCEPTOR, useClass: IdempotencyInterceptor },
    { provide: APP_PIPE, useClass: ValidationPipe },
    Cursors,
    DependencyChecks,
    HealthChecks,
    IdempotencyRepository,
    IdempotencySweeper,
    RateLimiter,
    Readiness,
    RequestRates,
  ],
  exports: [Cursors, HealthChecks, RateLimiter, Readiness, RequestRates],
})
export class HttpModule implements OnModuleInit {
  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly rates: RequestRates,
  ) {}

  /** Comes after all routes of controllers and before the error handler, which Nest adds when all modules are up. */
  onModuleInit(): void {
    this.adapter.httpAdapter.use(async (request: Request, response: Response, next: NextFunction) => {
      try {
        await this.rates.consume(request, response, null, 'default');
        next(new NotFound('Route'));
      } catch (error) {
        next(error);
      }
    });
  }
}
