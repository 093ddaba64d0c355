import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { Conflict } from '../../../contracts/errors.js';
import type { RunEventType } from '../../../contracts/live-events.js';
import { currentScope, currentTenantActor } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import { WorkClaims } from '../../../platform/jobs/work-claims.js';
import { AgentsService } from '../../agents/agents.service.js';
import { ModelCatalog } from '../../models/model-catalog.service.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { MessageFiles } from '../files/message-files.service.js';
import type { OnBusy } from '../runs/on-busy.js';
import { ClaimedRuns } from '../run-loop/claimed-runs.js';
import { pinRun } from '../runs/pin-run.js';
import type { BegunRun, Run, RunTrigger, WholeRun } from '../runs/run.js';
import { RunLine } from '../runs/run-line.js';
import { shownRun } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { patchedContext } from '../session-context.js';
import type { SessionEntity, SessionStatus } from '../session.entity.js';
import { SessionNews } from '../session-news.js';
import { SessionsRepository } from '../sessions.repository.js';
import { SessionsService } from '../sessions.service.js';
import { NO_USAGE } from '../usage.js';
import { textOf, type Message, type StoredBlock } from './message.js';
import { MessagesRepository } from './messages.repository.js';
import { shownMessage, type ContentBlockInput, type MessageOptionsDto } from './messages.dto.js';

export type OutgoingMessage = MessageOptionsDto & { content: ContentBlockInput[]; onBusy?: OnBusy };

/** Messages that a session may have for its history to be read where a run is stored, which saves a transaction. */
const SHORT_CONVERSATION = 200;

/** Takes a user's message in: stored with the run that will answer it, then the doorbell. */
@Injectable()
export class SendMessageService {
  constructor(
    private readonly service: SessionsService,
    private readonly sessions: SessionsRepository,
    private readonly runs: RunsRepository,
    private readonly line: RunLine,
    private readonly agents: AgentsService,
    private readonly tenants: TenantsService,
    private readonly models: ModelCatalog,
    private readonly messages: MessagesRepository,
    private readonly files: MessageFiles,
    private readonly settings: Settings,
    private readonly events: Events,
    private readonly sessionNews: SessionNews,
    private readonly jobs: JobQueue,
    private readonly claims: WorkClaims,
    private readonly claimed: ClaimedRuns,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, Conflict (the session is busy or closed), ValidationFailed */
  async send(sessionId: string, message: OutgoingMessage, trigger: RunTrigger): Promise<BegunRun> {
    return this.db.run(async () => {
      const session = await this.service.requireLocked(sessionId);
      if (message.model) this.models.require(message.model, 'model');
      if (message.context) patchedContext(session.context, message.context);
      const taken = await this.files.take(message);
      const run = await this.newRun(session, message, trigger);
      this.files.requireRoom(taken, run.model);
      const turn = await this.line.admit(session, message.onBusy);
      const asked = userMessage(session, run, taken.blocks, message.metadata);
      const busy = withMessage(session, turn.isHeld ? session.status : 'processing');
      asked.position = busy.lastPosition;
      const stored = Promise.all([
        this.begin(run, busy, asked, turn.isHeld),
        this.sessions.countMessage(busy),
        this.files.use(session.id, taken),
      ]);
      // With its key, a request is bound to what it changes when the answer to that is there.
      const isAll = turn.interrupted.length === 0 && !currentScope().bindIdempotency;
      if (isAll) this.db.commitNowIfOutermost();
      const [started] = await stored;
      if (!isAll) await this.line.interrupt(turn);
      return started;
    });
  }

  /** A run as it will be stored; the context it brings is merged in. @throws Conflict without an agent */
  async newRun(
    session: SessionEntity,
    options: Pick<MessageOptionsDto, 'model' | 'context'>,
    trigger: RunTrigger,
  ): Promise<WholeRun> {
    const [agent, tenantPolicy] = await Promise.all([
      session.agentId === null ? null : this.agents.pin(session.agentId),
      this.tenants.permissionPolicy(),
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
      pinned: pinRun(session, agent, tenantPolicy),
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

/** The session as its next message leaves it. */
function withMessage(session: SessionEntity, status: SessionStatus): SessionEntity {
  const now = new Date();
  const { messageCount, lastPosition } = session;
  const counted = { messageCount: messageCount + 1, lastPosition: lastPosition + 1 };
  return { ...session, ...counted, status, lastActivityAt: now, updatedAt: now };
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

function userMessage(
  session: SessionEntity,
  run: Run,
  blocks: StoredBlock[],
  metadata: Message['metadata'] = {},
): Message {
  return {
    tenantId: session.tenantId,
    id: run.messageId,
    sessionId: session.id,
    runId: run.id,
    position: 0,
    role: 'user',
    content: textOf(blocks),
    blocks,
    toolCalls: [],
    citations: [],
    model: null,
    parentMessageId: null,
    usage: null,
    feedback: null,
    metadata,
    summarizes: null,
    createdAt: run.createdAt,
    updatedAt: run.createdAt,
  };
}
