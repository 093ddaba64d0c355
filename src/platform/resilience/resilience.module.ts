import { Module } from '@nestjs/common';
import { BREAKER_DEFAULTS } from './breaker.js';
import { Breakers } from './breakers.js';
import { RETRY_DEFAULTS, Retry } from './retry.js';

@Module({
  providers: [
    { provide: Breakers, useFactory: () => new Breakers(BREAKER_DEFAULTS) },
    { provide: Retry, useFactory: () => new Retry(RETRY_DEFAULTS) },
  ],
  exports: [Breakers, Retry],
})
export class ResilienceModule {}
