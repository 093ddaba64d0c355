import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Conflict } from '../../../contracts/errors.js';
import type { RunEventType } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { WorkClaims } from '../../../platform/jobs/work-claims.js';
import { AgentsService } from '../../agents/agents.service.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { ClaimedRuns } from '../run-loop/claimed-runs.js';
import { pinRun } from '../runs/pin-run.js';
import type { BegunRun, Delegated, RunTrigger, WholeRun } from '../runs/run.js';
import { shownRun } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { patchedContext } from '../session-context.js';
import type { SessionEntity } from '../session.entity.js';
import { SessionNews } from '../session-news.js';
import { SessionsRepository } from '../sessions.repository.js';
import { NO_USAGE } from '../usage.js';
import type { Message } from './message.js';
import { shownMessage, type MessageOptionsDto } from './messages.dto.js';
import { MessagesRepository } from './messages.repository.js';

/** Messages that a session may have for its history to be read where a run is stored, which saves a transaction. */
const SHORT_CONVERSATION = 200;

/** Makes and stores the runs that answer messages, new and old ones; begins them here, or rings for whoever will. */
@Injectable()
export class RunStart {
  constructor(
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
    private readonly messages: MessagesRepository,
    private readonly agents: AgentsService,
    private readonly tenants: TenantsService,
    private readonly settings: Settings,
    private readonly events: Events,
    private readonly sessionNews: SessionNews,
    private readonly jobs: JobQueue,
    private readonly claims: WorkClaims,
    private readonly claimed: ClaimedRuns,
    private readonly db: Db,
  ) {}

  /** A run as it will be stored; the context it brings is merged in. @throws Conflict without an agent */
  async newRun(
    session: SessionEntity,
    options: Pick<MessageOptionsDto, 'model' | 'context'>,
    trigger: RunTrigger,
    delegated?: Delegated,
  ): Promise<WholeRun> {
    const [agent, toolRules] = await Promise.all([
      session.agentId === null ? null : this.agents.pin(session.agentId),
      this.tenants.toolRules(),
    ]);
    if (session.agentId !== null && !agent) throw new Conflict("The session's agent was deleted");
    if (options.context) {
      session.context = patchedContext(session.context, options.context);
      await this.sessions.setContext(session.id, session.context);
    }
    return newRun(session, currentTenantActor().userId, trigger, {
      agentId: agent?.id ?? null,
      agentVersion: agent?.version ?? null,
      model: options.model ?? session.model ?? agent?.definition.model ?? this.settings.models.defaultModel,
      pinned: pinRun(session, agent, toolRules, delegated),
    });
  }

  /** Stores a run, and the message that asked for it where that is new; rings unless it has to wait for its turn. */
  async begin(run: WholeRun, busy: SessionEntity, message: Message | null, isHeld: boolean): Promise<BegunRun> {
    const { tenantId } = run;
    const events: { type: RunEventType; data: object }[] = [
      { type: 'run.started', data: { run: shownRun({ ...run, lastSeq: 1 }) } },
      ...(message ? [{ type: 'message.created' as const, data: { message: shownMessage(message) } }] : []),
    ];
    const resource = { resourceType: 'run', resourceId: run.id };
    const isClaimed = !isHeld && this.claimed.hasRoom();
    const claimedAt = performance.now();
    const stored = isClaimed ? claimedNow({ ...run, lastSeq: events.length }) : run;
    const isShort = busy.messageCount <= SHORT_CONVERSATION;
    const [backlog, , history] = await Promise.all([
      isClaimed || isHeld ? 0 : this.claims.backlog('runs'),
      this.runs.start(stored, message, events, isHeld),
      isClaimed && isShort ? this.messages.shortHistory(run) : null,
      this.events.publish('run.started', { ...resource, payload: { sessionId: run.sessionId } }),
    ]);
    const { id: runId, sessionId } = run;
    const at = run.createdAt.toISOString();
    const begun = events.map((event, index) => ({ seq: index + 1, ...event, sessionId, runId, at }));
    const told: BegunRun = { ...run, lastSeq: events.length, begun, isHere: false };
    this.db.afterCommit(() => {
      this.sessionNews.happened(run, at, begun, busy);
      if (isClaimed) {
        const found = { run: stored, context: busy.context, isUntitled: busy.title === null, history, claimedAt };
        told.isHere = this.claimed.begin(found);
      } else if (!isHeld) this.jobs.ring('run.execute', { tenantId, runId }, { backlog });
    });
    return told;
  }
}

/** As a claim would leave it. */
function claimedNow(run: WholeRun): WholeRun {
  return { ...run, status: 'running', attempts: 1, fence: 1, startedAt: new Date() };
}

function newRun(
  session: SessionEntity,
  createdBy: string | null,
  trigger: RunTrigger,
  part: Pick<WholeRun, 'agentId' | 'agentVersion' | 'model' | 'pinned'>,
): WholeRun {
  const { estimated: usageEstimated, ...usage } = NO_USAGE;
  return {
    tenantId: session.tenantId,
    id: v7(),
    sessionId: session.id,
    messageId: v7(),
    createdBy,
    trigger,
    ...part,
    status: 'queued',
    error: null,
    cancelRequestedAt: null,
    pauseRequestedAt: null,
    ...usage,
    usageEstimated,
    activeMs: 0,
    lastSeq: 0,
    openMessageId: null,
    attempts: 0,
    fence: 0,
    createdAt: new Date(),
    startedAt: null,
    finishedAt: null,
  };
}
