import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { DomainError } from '../../contracts/errors.js';
import { scopeIfAny } from '../access/scope.js';
import { discardBody } from './discard-body.js';
import { asDomainError, errorBody } from './error-body.js';

type ErrorBodyOf = (error: DomainError, at: { correlationId: string; path: string }) => object;

const logger = new Logger('ErrorFilter');

/** The one place where errors become answers. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerError(thrown, http.getRequest<Request>(), http.getResponse<Response>(), errorBody);
  }
}

/** `bodyOf`: the error as the protocol of the route shows it. */
export function answerError(thrown: unknown, request: Request, response: Response, bodyOf: ErrorBodyOf): void {
  const error = asDomainError(thrown);
  log(error, thrown);
  sendError(error, request, response, bodyOf);
}

function log(error: DomainError, thrown: unknown): void {
  if (error.code === 'internal_error') logger.error(thrown instanceof Error ? thrown : { thrown });
  else if (error.status >= 500) logger.warn(error);
}

function sendError(error: DomainError, request: Request, response: Response, bodyOf: ErrorBodyOf): void {
  if (response.writableEnded || response.destroyed) return;
  if (response.headersSent) {
    breakOff(response);
    return;
  }
  for (const name of ['Content-Disposition', 'Content-Encoding', 'Content-Length', 'Idempotent-Replayed']) {
    response.removeHeader(name);
  }
  if (error.retryAfter !== undefined) response.setHeader('Retry-After', String(Math.ceil(error.retryAfter)));
  if (error.status === 401 && !response.hasHeader('WWW-Authenticate')) response.setHeader('WWW-Authenticate', 'Bearer');
  const path = request.originalUrl.split('?', 1)[0] ?? '';
  const body = bodyOf(error, { correlationId: scopeIfAny()?.correlationId ?? '', path });
  const text = JSON.stringify(body);
  response.status(error.status).type('application/json');
  if (response.shouldKeepAlive) {
    response.send(text);
    discardBody(request);
    return;
  }
  // Its end closes the connection, which must not come before that of the request.
  response.setHeader('Content-Length', Buffer.byteLength(text));
  response.write(text);
  discardBody(request, () => response.end());
}

/** An event stream just ends. Any other answer would look whole if it did, so its connection is cut. */
function breakOff(response: Response): void {
  const type = String(response.getHeader('Content-Type') ?? '');
  if (type.startsWith('text/event-stream')) response.end();
  else response.destroy();
}
