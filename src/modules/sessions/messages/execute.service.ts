import { Injectable } from '@nestjs/common';
import { NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { AgentsService } from '../../agents/agents.service.js';
import { hasEnded, type BegunRun, type Run } from '../runs/run.js';
import { SessionsService } from '../sessions.service.js';
import { RunAnswers, type Waiting } from '../streams/run-answers.js';
import type { AgentAnswerDto, AgentWaitsDto, ExecuteAgentDto } from './execute.dto.js';
import { SendMessageService } from './send-message.service.js';

/** An agent asked directly: a message in a session that is made for it, or in one of its own. */
@Injectable()
export class ExecuteService {
  constructor(
    private readonly agents: AgentsService,
    private readonly sessions: SessionsService,
    private readonly sending: SendMessageService,
    private readonly answers: RunAnswers,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, Conflict, ValidationFailed */
  async start(agentId: string, dto: ExecuteAgentDto): Promise<BegunRun> {
    return this.db.run(async () => {
      await this.agents.require(agentId);
      const sessionId = await this.session(agentId, dto.sessionId ?? null);
      const content = [{ type: 'text' as const, text: dto.message }];
      return this.sending.send(sessionId, { content, context: dto.context, metadata: dto.metadata }, 'execute');
    });
  }

  /** The run's result in one piece, or how it stands when it waits for somebody or nobody waits for it any longer. */
  async answer(begun: Run | BegunRun, waiting?: Waiting): Promise<AgentAnswerDto | AgentWaitsDto> {
    const outcome = await this.answers.outcome(begun, waiting);
    if (!hasEnded(outcome.run.status)) {
      return { sessionId: begun.sessionId, runId: begun.id, ...(await this.answers.unfinished(outcome)) };
    }
    const { message, run } = await this.answers.finished(outcome);
    return {
      sessionId: run.sessionId,
      runId: run.id,
      messageId: message?.id ?? null,
      content: message?.content ?? null,
      toolCalls: message?.toolCalls ?? [],
      citations: message?.citations ?? [],
      usage: run.usage,
      executionTimeMs: run.finishedAt ? Date.parse(run.finishedAt) - Date.parse(run.createdAt) : 0,
      run,
    };
  }

  private async session(agentId: string, sessionId: string | null): Promise<string> {
    if (sessionId === null) return (await this.sessions.create({ agentId })).id;
    try {
      const session = await this.sessions.require(sessionId);
      if (session.agentId === agentId) return sessionId;
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
    }
    throw ValidationFailed.of('sessionId', 'There is no such session of this agent', sessionId);
  }
}
