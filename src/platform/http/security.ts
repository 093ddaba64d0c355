import type { CorsOptions } from '@nestjs/common/interfaces/external/cors-options.interface.js';
import type { NextFunction, Request, RequestHandler, Response } from 'express';
import helmet from 'helmet';

const NOTHING = {
  'default-src': ["'none'"],
  'frame-ancestors': ["'none'"],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
};

/** What Swagger UI loads: its own scripts, styles and pictures, some of the latter two inline. */
const SWAGGER_UI = {
  ...NOTHING,
  'script-src': ["'self'"],
  'style-src': ["'self'", "'unsafe-inline'"],
  'img-src': ["'self'", 'data:'],
  'font-src': ["'self'", 'data:'],
  'connect-src': ["'self'"],
};

export function securityHeaders(): RequestHandler {
  const ofApi = helmetWith(NOTHING);
  const ofDocs = helmetWith(SWAGGER_UI);
  return (request, response, next) => (/^\/docs(\/|$)/.test(request.path) ? ofDocs : ofApi)(request, response, next);
}

function helmetWith(directives: Record<string, string[]>): ReturnType<typeof helmet> {
  return helmet({
    contentSecurityPolicy: { useDefaults: false, directives },
    // Other hosts of the operator's domain may still speak plain HTTP.
    strictTransportSecurity: { maxAge: 31_536_000, includeSubDomains: false },
    frameguard: { action: 'deny' },
    referrerPolicy: { policy: 'no-referrer' },
  });
}

/** Answers hold what one caller may see; a route that may be cached says so itself. */
export function noStore(request: Request, response: Response, next: NextFunction): void {
  if (request.path.startsWith('/api/')) response.setHeader('Cache-Control', 'no-store');
  next();
}

/** Null: no CORS headers at all. */
export function corsOptions(origins: readonly string[]): CorsOptions | null {
  if (origins.length === 0) return null;
  return {
    origin: [...origins],
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'Last-Event-ID',
      'Mcp-Protocol-Version',
      'X-API-Key',
      'X-Correlation-Id',
    ],
    exposedHeaders: [
      'RateLimit-Limit',
      'RateLimit-Remaining',
      'RateLimit-Reset',
      'Retry-After',
      'X-Correlation-Id',
      'Idempotent-Replayed',
      'Content-Disposition',
      'WWW-Authenticate',
    ],
    maxAge: 600,
  };
}
