import { Global, Module } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { HttpMetrics } from './http-metrics.js';
import { loggingModule } from './logging.js';
import { MetricsController } from './metrics.controller.js';
import { RequestLog } from './request-log.js';

/** Logs and metrics. Who has something to count takes `Registry` of prom-client and registers it there. */
@Global()
@Module({
  imports: [loggingModule()],
  controllers: [MetricsController],
  providers: [
    {
      provide: Registry,
      useFactory: () => {
        const register = new Registry();
        collectDefaultMetrics({ register });
        return register;
      },
    },
    HttpMetrics,
    RequestLog,
  ],
  exports: [Registry, HttpMetrics, RequestLog],
})
export class TelemetryModule {}
