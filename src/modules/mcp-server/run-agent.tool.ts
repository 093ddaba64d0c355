import { Injectable } from '@nestjs/common';
import { Settings } from '../../platform/config/settings.js';
import type { AgentAnswerDto, AgentWaitsDto } from '../sessions/messages/execute.dto.js';
import { ExecuteService } from '../sessions/messages/execute.service.js';
import { ERROR_SCHEMA, outputSchema } from './answers.js';
import { RunProgress } from './run-progress.js';
import type { ServedTool, ToolAnswer, ToolCall } from './served.js';

interface Input {
  agentId: string;
  message: string;
  sessionId?: string;
}

/** Clients made with the SDK give up after a minute, and would not learn which run goes on. */
const LONGEST_SILENCE_MS = 50_000;

const TEXT = { type: 'string' };
const ID = { type: 'string', format: 'uuid' };

/** The same as `POST /agents/:id/execute`. */
@Injectable()
export class RunAgentTool implements ServedTool {
  readonly permission = 'agents:execute';
  readonly definition = {
    name: 'run_agent',
    title: 'Run an agent',
    description:
      'Sends a message to an agent and gives its answer. With the sessionId of an earlier answer of the same agent the ' +
      'conversation goes on. A run that waits for a person is no answer yet: its status is "waiting".',
    inputSchema: {
      type: 'object' as const,
      properties: {
        agentId: { ...ID, description: 'As list_agents gives it' },
        message: { type: 'string', pattern: '\\S' },
        sessionId: { ...ID, description: 'The conversation to go on with; absent: a new one' },
      },
      required: ['agentId', 'message'],
      additionalProperties: false,
    },
    outputSchema: outputSchema(
      {
        ...{ sessionId: ID, runId: ID, messageId: { type: ['string', 'null'] }, content: { type: ['string', 'null'] } },
        ...{ status: TEXT, usage: { type: 'object' }, executionTimeMs: { type: 'number' }, error: ERROR_SCHEMA },
        toolCalls: { type: 'array', items: { type: 'object' } },
        pendingPermissions: { type: 'array', items: { type: 'object' } },
        pendingToolCalls: { type: 'array', items: { type: 'object' } },
      },
      ['sessionId', 'runId', 'status'],
    ),
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: false, openWorldHint: true },
  };

  constructor(
    private readonly executions: ExecuteService,
    private readonly progress: RunProgress,
    private readonly settings: Settings,
  ) {}

  async call(
    { agentId, ...dto }: Input & Record<string, unknown>,
    { signal, progress }: ToolCall,
  ): Promise<ToolAnswer> {
    const run = await this.executions.start(agentId.toLowerCase(), dto);
    const stop = progress && this.progress.follow(run, progress);
    try {
      // Who is told how it goes waits as long as it takes, like a reader of the run's events.
      const maxMs = progress ? Infinity : Math.min(this.settings.http.waitMaxMs, LONGEST_SILENCE_MS);
      return toolAnswer(await this.executions.answer(run, { maxMs, signal }));
    } finally {
      stop?.();
    }
  }
}

function toolAnswer(answer: AgentAnswerDto | AgentWaitsDto): ToolAnswer {
  const { run, ...told } = answer;
  const { status, error } = run;
  const structured = { ...told, status, ...(error && { error }) };
  if (status !== 'completed') return { isError: true, structured };
  const { sessionId, runId } = told;
  const content = 'content' in told ? told.content : null;
  return { isError: false, structured, texts: [content ?? '', JSON.stringify({ sessionId, runId, status })] };
}
