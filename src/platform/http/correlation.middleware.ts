import type { NextFunction, Request, Response } from 'express';
import { v7 } from 'uuid';
import { inScope, newScope } from '../access/scope.js';

const GIVEN = /^[\w.-]{1,128}$/;
const MAX_USER_AGENT_CHARS = 500;

/** Opens the scope of a request; all that is awaited from here on runs in it. Comes before every other middleware. */
export function correlation(request: Request, response: Response, next: NextFunction): void {
  const given = request.get('x-correlation-id');
  const correlationId = given !== undefined && GIVEN.test(given) ? given : v7();
  response.setHeader('X-Correlation-Id', correlationId);
  const userAgent = request.get('user-agent')?.slice(0, MAX_USER_AGENT_CHARS) ?? null;
  inScope(newScope({ correlationId, ip: request.ip ?? null, userAgent }), next);
}
