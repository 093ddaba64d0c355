import { IsIn, IsOptional } from 'class-validator';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import { UsageDto } from '../usage.dto.js';
import { usageOf } from '../usage.js';
import { RUN_STATUSES, type Run, type RunStatus, type RunTrigger } from './run.js';

export class ListRunsQuery extends PageQuery {
  @IsOptional()
  @IsIn(RUN_STATUSES)
  status?: RunStatus;
}

export class RunErrorDto {
  code: string;
  message: string;
}

export class RunDto {
  id: string;
  sessionId: string;
  agentId: string | null;
  /** The version of the agent that it goes by. */
  agentVersion: number | null;
  /** The user's message it answers. */
  messageId: string;
  status: RunStatus;
  model: string;
  trigger: RunTrigger;
  usage: UsageDto;
  error: RunErrorDto | null;
  /** How often a worker took it up. */
  attempts: number;
  /** `seq` of its last event. */
  lastSeq: number;
  /** ISO 8601, UTC. */
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
}

export class RunPage extends pageOf(RunDto) {}

export function shownRun(run: Run): RunDto {
  return {
    id: run.id,
    sessionId: run.sessionId,
    agentId: run.agentId,
    agentVersion: run.agentVersion,
    messageId: run.messageId,
    status: run.status,
    model: run.model,
    trigger: run.trigger,
    usage: usageOf(run),
    error: run.error,
    attempts: run.attempts,
    lastSeq: run.lastSeq,
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
  };
}
