import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags, ApiUnauthorizedResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { Unauthenticated } from '../../contracts/errors.js';
import { Public } from '../access/access.decorator.js';
import { Settings } from '../config/settings.js';
import { bearerIs } from './bearer.js';

@ApiTags('Operation')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly registry: Registry,
    private readonly settings: Settings,
  ) {}

  @Get()
  @Public('scraped by monitoring, which has a token of its own where METRICS_TOKEN is set')
  @ApiOperation({ summary: 'Metrics in the Prometheus text format' })
  @ApiOkResponse({ content: { 'text/plain': { schema: { type: 'string' } } } })
  @ApiUnauthorizedResponse({ description: 'METRICS_TOKEN is set and was not given as bearer' })
  async read(@Headers('authorization') authorization: string | undefined, @Res() response: Response): Promise<void> {
    const { metricsToken } = this.settings;
    if (metricsToken !== null && !bearerIs(authorization, metricsToken)) throw new Unauthenticated();
    const text = await this.registry.metrics();
    response.set('Content-Type', this.registry.contentType).send(text);
  }
}
