import { Injectable } from '@nestjs/common';
import type { NextFunction, Request, Response } from 'express';
import { PinoLogger } from 'nestjs-pino';
import { currentScope, inScope } from '../access/scope.js';
import { routeTemplate } from './route-template.js';

const PROBES = /^\/(health|metrics)(\/|$)/;

/** One line per request, when its answer has ended; of the query it shows nothing. */
@Injectable()
export class RequestLog {
  constructor(private readonly logger: PinoLogger) {
    this.logger.setContext('Request');
  }

  readonly middleware = (request: Request, response: Response, next: NextFunction): void => {
    const startedAt = performance.now();
    const scope = currentScope();
    // The end of an answer is an event of the connection, which knows no scope.
    response.once('close', () => inScope(scope, () => this.write(request, response, performance.now() - startedAt)));
    next();
  };

  private write(request: Request, response: Response, elapsedMs: number): void {
    const path = request.originalUrl.split('?', 1)[0] ?? '';
    const level = response.statusCode >= 500 ? 'warn' : PROBES.test(path) ? 'debug' : 'info';
    this.logger[level](
      {
        method: request.method,
        path,
        route: routeTemplate(request),
        status: response.statusCode,
        responseTimeMs: Math.round(elapsedMs),
        ...(!response.writableFinished && { aborted: true }),
      },
      'request',
    );
  }
}
