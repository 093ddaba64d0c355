import { Injectable } from '@nestjs/common';
import { currentScope } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { ModelCatalog } from '../../models/model-catalog.service.js';
import { MessageFiles } from '../files/message-files.service.js';
import type { OnBusy } from '../runs/on-busy.js';
import type { BegunRun, Delegated, Run, RunTrigger } from '../runs/run.js';
import { RunLine } from '../runs/run-line.js';
import { patchedContext } from '../session-context.js';
import type { SessionEntity, SessionStatus } from '../session.entity.js';
import { SessionsRepository } from '../sessions.repository.js';
import { SessionsService } from '../sessions.service.js';
import { textOf, type Message, type StoredBlock } from './message.js';
import type { ContentBlockInput, MessageOptionsDto } from './messages.dto.js';
import { RunStart } from './run-start.service.js';

export type OutgoingMessage = MessageOptionsDto & { content: ContentBlockInput[]; onBusy?: OnBusy };

/** Takes a user's message in: stored with the run that will answer it, then the doorbell. */
@Injectable()
export class SendMessageService {
  constructor(
    private readonly service: SessionsService,
    private readonly sessions: SessionsRepository,
    private readonly start: RunStart,
    private readonly line: RunLine,
    private readonly models: ModelCatalog,
    private readonly files: MessageFiles,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, Conflict (the session is busy or closed), ValidationFailed */
  async send(
    sessionId: string,
    message: OutgoingMessage,
    trigger: RunTrigger,
    delegated?: Delegated,
  ): Promise<BegunRun> {
    return this.db.run(async () => {
      const session = await this.service.requireLocked(sessionId);
      if (message.model) this.models.require(message.model, 'model');
      if (message.context) patchedContext(session.context, message.context);
      const taken = await this.files.take(message);
      const run = await this.start.newRun(session, message, trigger, delegated);
      this.files.requireRoom(taken, run.model);
      const turn = await this.line.admit(session, message.onBusy);
      const asked = userMessage(session, run, taken.blocks, message.metadata);
      const busy = withMessage(session, turn.isHeld ? session.status : 'processing');
      asked.position = busy.lastPosition;
      const stored = Promise.all([
        this.start.begin(run, busy, asked, turn.isHeld),
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
}

/** The session as its next message leaves it. */
function withMessage(session: SessionEntity, status: SessionStatus): SessionEntity {
  const now = new Date();
  const { messageCount, lastPosition } = session;
  const counted = { messageCount: messageCount + 1, lastPosition: lastPosition + 1 };
  return { ...session, ...counted, status, lastActivityAt: now, updatedAt: now };
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
