import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Events } from '../../../platform/events/events.js';
import { AgentsService } from '../../agents/agents.service.js';
import type { ResourceLimits } from '../../agents/agent-definition.js';
import { SendMessageService } from '../messages/send-message.service.js';
import type { RunHold } from '../run-loop/run-hold.js';
import type { RunState, Spent } from '../run-loop/run-state.js';
import type { RunToolCall } from '../run-loop/run-steps.repository.js';
import { rootSessionOf, type WholeRun } from '../runs/run.js';
import { newSession } from '../session-drafts.service.js';
import { givenTitle } from '../session-title.js';
import { SessionsRepository } from '../sessions.repository.js';
import { totalTokens, usageOf } from '../usage.js';
import { AgentTasksRepository } from './agent-tasks.repository.js';

/** Agents below one another, the first included. */
const DEEPEST = 5;

export interface Request {
  agentId: string;
  message: string;
  /** How many are asked side by side: they share what the run may still take. */
  among: number;
  /** What those asked before have taken. */
  spent: Spent;
}

/** Has an agent asked by a run: a session, a message and a run of its own, within what the asking run may still take. */
@Injectable()
export class Delegation {
  constructor(
    private readonly agents: AgentsService,
    private readonly sessions: SessionsRepository,
    private readonly sending: SendMessageService,
    private readonly tasks: AgentTasksRepository,
    private readonly events: Events,
  ) {}

  /** What those took that the run has asked so far. */
  async spentBy({ run }: RunHold, { calls, delegated }: RunState): Promise<Spent> {
    return calls.some(({ waitsFor }) => waitsFor === 'agent') ? this.tasks.spentBelow(run.id) : delegated;
  }

  /** Why the agent can not be asked; null where it can. */
  async refusal({ run }: RunHold, agentId: string): Promise<string | null> {
    const above = lineOf(run);
    if (above.includes(agentId))
      return 'The agent is being asked already: it can not be asked by those it has asked itself';
    if (above.length >= DEEPEST) return `Agents can be asked by agents ${DEEPEST} deep at most`;
    return (await this.agents.pin(agentId)) ? null : 'There is no such agent any more';
  }

  /** Before the run: who sees the session above is settled until the one below it is stored, which goes by that. */
  async lockAbove({ run }: RunHold): Promise<void> {
    await this.sessions.lock(rootSessionOf(run));
  }

  /** In the open transaction, after `lockAbove`. */
  async begin({ run, spentMs }: RunHold, call: RunToolCall, request: Request): Promise<void> {
    const parent = await this.sessions.find(run.sessionId);
    if (!parent) throw new Error('The session of a run is gone');
    const { agentId, message } = request;
    const { visibility, permissionPolicy } = parent;
    const draft = newSession({ agentId, visibility, pattern: 'delegation' }, run.createdBy);
    const rootSessionId = rootSessionOf(run);
    const session = {
      ...{ ...draft, permissionPolicy, title: givenTitle(message.slice(0, 200)) },
      ...{ rootSessionId, parentRunId: run.id },
    };
    await this.sessions.add([session]);
    const within = { limits: leftOf(run, spentMs, request), rootSessionId, line: [...lineOf(run), agentId] };
    const content = [{ type: 'text' as const, text: message }];
    const begun = await this.sending.send(session.id, { content }, 'agent', within);
    const task = {
      ...{
        id: v7(),
        parentRunId: run.id,
        parentSessionId: run.sessionId,
        toolCallId: call.id,
        toolUseId: call.toolUseId,
      },
      ...{
        fromAgentId: run.agentId,
        toAgentId: agentId,
        sessionId: session.id,
        runId: begun.id,
        createdAt: new Date(),
      },
    };
    await this.tasks.add(task, message);
    await this.events.publish('agentTask.created', {
      ...{ resourceType: 'agentTask', resourceId: task.id },
      payload: { runId: begun.id, sessionId: session.id, toAgentId: agentId },
    });
  }
}

/** The agents that are asked at present, from the first to this run's own. */
function lineOf({ pinned, agentId }: WholeRun): string[] {
  return pinned.delegated?.line ?? (agentId === null ? [] : [agentId]);
}

function leftOf(run: WholeRun, spentMs: number, { among, spent }: Request): ResourceLimits {
  const { limits } = run.pinned;
  const usage = usageOf(run);
  const share = (limit: number | null, used: number) =>
    limit === null ? null : Math.max(0, Math.floor((limit - used) / among));
  return {
    maxTurns: null,
    maxTokens: share(limits.maxTokens, totalTokens(usage) + spent.tokens),
    maxCostMicros: share(limits.maxCostMicros, usage.costMicros + spent.costMicros),
    maxExecutionTimeMs: limits.maxExecutionTimeMs === null ? null : Math.max(0, limits.maxExecutionTimeMs - spentMs),
  };
}
