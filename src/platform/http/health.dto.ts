import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';

export class LivenessDto {
  @ApiProperty({ enum: ['ok'] })
  status: 'ok';
}

export class ReadinessDto {
  @ApiProperty({ enum: ['ok', 'degraded', 'starting', 'stopping', 'down'] })
  status: 'ok' | 'degraded' | 'starting' | 'stopping' | 'down';
}

class CheckDto {
  @ApiProperty({ enum: ['ok', 'down'] })
  status: 'ok' | 'down';

  @ApiProperty({ type: 'integer' })
  latencyMs: number;
}

@ApiExtraModels(CheckDto)
export class HealthDto {
  @ApiProperty({ enum: ['ok', 'degraded', 'down'] })
  status: 'ok' | 'degraded' | 'down';

  @ApiPropertyOptional({
    description: 'By the name of the dependency; left out without METRICS_TOKEN as bearer, where that is set',
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(CheckDto) },
  })
  checks?: Record<string, CheckDto>;
}
