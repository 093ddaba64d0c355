import type { NestExpressApplication } from '@nestjs/platform-express';
import { SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import { buildOpenApi } from './openapi.js';
import { RequestRates } from './request-rates.js';

/** The OpenAPI document at /api/v1/openapi.json and Swagger UI at /docs; built when first asked for. */
export function serveApiDocs(app: NestExpressApplication): void {
  let built: OpenAPIObject | undefined;
  const document = () => (built ??= buildOpenApi(app));
  app.use('/api/v1/openapi.json', (request: Request, response: Response, next: NextFunction) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      next();
      return;
    }
    app
      .get(RequestRates)
      .consume(request, response, null, 'default')
      .then(() => response.json(document()))
      .catch(next);
  });
  SwaggerModule.setup('docs', app, document, { raw: false, customSiteTitle: 'Atrium API' });
}
