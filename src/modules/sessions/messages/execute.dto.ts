import { IsNotEmpty, IsObject, IsOptional, IsString, IsUUID, Matches } from 'class-validator';
import { CitationDto } from '../../models/citation.dto.js';
import { PendingDto, ToolCallDto } from './messages.dto.js';
import { UsageDto } from '../usage.dto.js';
import { RunDto } from '../runs/runs.dto.js';
import { MaxJsonBytes, METADATA_BYTES } from '../../../platform/http/max-json-bytes.decorator.js';

export class ExecuteAgentDto {
  @IsString()
  @IsNotEmpty()
  @Matches(/\S/, { message: 'message must not be empty' })
  message: string;

  /** Goes on in this session, which must be one of this agent; absent: a new one. */
  @IsOptional()
  @IsUUID('all')
  sessionId?: string;

  /** JSON merge patch of the session's context, applied before the run. */
  @IsOptional()
  @IsObject()
  context?: Record<string, unknown>;

  @IsOptional()
  @IsObject()
  @MaxJsonBytes(METADATA_BYTES)
  metadata?: Record<string, unknown>;
}

export class AgentAnswerDto {
  sessionId: string;
  runId: string;
  /** Null when the run failed. */
  messageId: string | null;
  content: string | null;
  toolCalls: ToolCallDto[];
  citations: CitationDto[];
  usage: UsageDto;
  executionTimeMs: number;
  run: RunDto;
}

export class AgentWaitsDto extends PendingDto {
  sessionId: string;
  runId: string;
  run: RunDto;
}
