import { IsInt, IsOptional, Max, Min } from 'class-validator';

export class ResourceLimitsDto {
  /** Input, output and cache tokens of one run together; null means no limit. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(100_000_000)
  maxTokens?: number | null;

  /** Model calls of one run. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1000)
  maxTurns?: number | null;

  /** Time of one run, waits for people not counted. */
  @IsOptional()
  @IsInt()
  @Min(100)
  @Max(86_400_000)
  maxExecutionTimeMs?: number | null;

  /** Cost of one run in millionths of a US dollar. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000_000_000)
  maxCostMicros?: number | null;
}
