import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { Settings } from '../../platform/config/settings.js';
import { answerError } from '../../platform/http/error.filter.js';
import { challenge } from './protected-resource.js';
import { rpcErrorBody } from './rpc-errors.js';

/** Refusals as clients of MCP read them. */
@Catch()
export class McpErrorFilter implements ExceptionFilter {
  constructor(private readonly settings: Settings) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const [request, response] = host.getArgs<[Request, Response]>();
    const isLate = response.headersSent;
    // Of use with a 401 alone, and its place is here, where the request is known.
    if (!isLate) response.setHeader('WWW-Authenticate', challenge(request, this.settings.http));
    answerError(thrown, request, response, (error, at) => {
      if (error.status !== 401) response.removeHeader('WWW-Authenticate');
      return rpcErrorBody(error, at);
    });
  }
}
