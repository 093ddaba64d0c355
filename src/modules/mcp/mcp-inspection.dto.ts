import { IsObject, IsOptional, IsString, MaxLength, MinLength } from 'class-validator';
import type { BreakerState } from '../../platform/resilience/breaker.js';

/** A tool as its server describes it, by its bare name. */
export class McpToolDto {
  name: string;
  title?: string;
  description?: string;
  inputSchema: Record<string, unknown>;
  outputSchema?: Record<string, unknown>;
  annotations?: Record<string, unknown>;
}

export class CachedMcpToolDto extends McpToolDto {
  /** Its definition is another than the one that was seen first or approved since. */
  changed: boolean;
}

export class McpToolListDto {
  data: CachedMcpToolDto[];
  /** What of the server's list was left out, and why. */
  notes: string[];
  /** ISO 8601, UTC; null: the server was never asked. */
  listedAt: string | null;
}

export class McpServerInfoDto {
  name: string;
  title?: string;
  version: string;
}

export class McpDiscoveryDto {
  tools: McpToolDto[];
  resources: Record<string, unknown>[];
  resourceTemplates: Record<string, unknown>[];
  prompts: Record<string, unknown>[];
  serverInfo: McpServerInfoDto | null;
  protocolVersion: string | null;
  /** What of the tools was left out, and why. */
  notes: string[];
}

export class McpHealthDto {
  status: 'healthy' | 'degraded' | 'down';
  /** Null when it did not answer. */
  latencyMs: number | null;
  /** ISO 8601, UTC. */
  lastCheckedAt: string;
  circuitBreaker: BreakerState;
  /** Why it is down. */
  error: string | null;
}

export class ReadResourceDto {
  @IsString()
  @MinLength(1)
  @MaxLength(4000)
  uri: string;
}

export class McpResourceDto {
  contents: Record<string, unknown>[];
}

export class GetPromptDto {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  name: string;

  @IsOptional()
  @IsObject()
  arguments?: Record<string, string> | null;
}

export class McpPromptDto {
  description: string | null;
  messages: Record<string, unknown>[];
}
