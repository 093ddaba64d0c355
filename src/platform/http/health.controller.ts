import { Controller, Get, Headers, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { Response } from 'express';
import { Public } from '../access/access.decorator.js';
import { Settings } from '../config/settings.js';
import { bearerIs } from '../telemetry/bearer.js';
import { HealthChecks } from './health-checks.js';
import { HealthDto, LivenessDto, ReadinessDto } from './health.dto.js';
import { Readiness } from './readiness.js';

@ApiTags('Operation')
@Public('probed by orchestrators and load balancers')
@Controller('health')
export class HealthController {
  constructor(
    private readonly checks: HealthChecks,
    private readonly readiness: Readiness,
    private readonly settings: Settings,
  ) {}

  @Get('live')
  @ApiOperation({ summary: 'Whether the process answers at all' })
  live(): LivenessDto {
    return { status: 'ok' };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Whether requests should be sent here' })
  @ApiOkResponse({ type: ReadinessDto })
  @ApiServiceUnavailableResponse({ type: ReadinessDto })
  async ready(@Res({ passthrough: true }) response: Response): Promise<ReadinessDto> {
    const { phase } = this.readiness;
    const status = phase === 'ready' ? (await this.checks.run()).status : phase;
    if (status !== 'ok' && status !== 'degraded') response.status(503);
    return { status };
  }

  @Get()
  @ApiOperation({ summary: 'The state of everything this process depends on' })
  @ApiOkResponse({ type: HealthDto })
  @ApiServiceUnavailableResponse({ type: HealthDto })
  async all(
    @Headers('authorization') authorization: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<HealthDto> {
    const { status, checks } = await this.checks.run();
    if (status === 'down') response.status(503);
    const { metricsToken } = this.settings;
    return metricsToken === null || bearerIs(authorization, metricsToken) ? { status, checks } : { status };
  }
}
