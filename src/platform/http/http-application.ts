import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import { NotFound } from '../../contracts/errors.js';
import { Settings } from '../config/settings.js';
import { HttpMetrics } from '../telemetry/http-metrics.js';
import { RequestLog } from '../telemetry/request-log.js';
import { serveApiDocs } from './api-docs.js';
import { setApiPrefix } from './api-prefix.js';
import { correlation } from './correlation.middleware.js';
import { corsOptions, noStore, securityHeaders } from './security.js';

/** Longer than the idle time of common load balancers, which must be the first to close a connection. */
const KEEP_ALIVE_MS = 75_000;

/** Everything about HTTP that is set on the application and not in a module; to be called before it is initialised. */
export function configureHttp(app: NestExpressApplication): void {
  const { http, role } = app.get(Settings);
  app.set('trust proxy', http.trustProxy);
  app.set('etag', false);
  app.disable('x-powered-by');
  app.getHttpServer().keepAliveTimeout = KEEP_ALIVE_MS;
  setApiPrefix(app);
  app.use(correlation, app.get(RequestLog).middleware, app.get(HttpMetrics).middleware, securityHeaders(), noStore);
  if (role === 'worker') app.use(onlyHealthAndMetrics);
  const cors = corsOptions(http.corsOrigins);
  if (cors) app.enableCors(cors);
  if (role !== 'worker') serveApiDocs(app);
}

/** A worker answers those who watch over it, and no clients. */
function onlyHealthAndMetrics(request: Request, _response: Response, next: NextFunction): void {
  if (/^\/(health(\/(live|ready))?|metrics)\/?$/.test(request.path)) next();
  else next(new NotFound('Route'));
}
