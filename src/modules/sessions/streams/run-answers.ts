import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { sessionRoom } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { parseLastEventId } from '../../../platform/live/sse-format.js';
import { SseStreams } from '../../../platform/live/sse-streams.js';
import { Db } from '../../../platform/database/db.js';
import { shownPermission } from '../permissions/permissions.dto.js';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import { WaitingCallsRepository } from '../waits/waiting-calls.repository.js';
import { MessagesRepository } from '../messages/messages.repository.js';
import { shownMessage, type MessageSentDto, type PendingDto } from '../messages/messages.dto.js';
import { hasEnded, type BegunRun, type Run } from '../runs/run.js';
import { shownRun, type RunDto } from '../runs/runs.dto.js';
import type { AnswerWay } from './answer-way.js';
import { RunWaits, type Outcome } from './run-waits.js';
import { SessionSources } from './session-source.js';

export interface Waiting {
  maxMs?: number;
  /** Nobody waits any more. */
  signal?: AbortSignal;
}

/** The three ways a run is answered with: its events, its end, or at once. */
@Injectable()
export class RunAnswers {
  constructor(
    private readonly waits: RunWaits,
    private readonly messages: MessagesRepository,
    private readonly permissions: PermissionsRepository,
    private readonly calls: WaitingCallsRepository,
    private readonly db: Db,
    private readonly sources: SessionSources,
    private readonly streams: SseStreams,
    private readonly settings: Settings,
  ) {}

  /** Writes the run's events to the response until it ends or waits; the run goes on without its reader. */
  async stream(
    run: Pick<BegunRun, 'id' | 'sessionId'> & Partial<Pick<BegunRun, 'begun' | 'isHere'>>,
    response: Response,
    options: { afterSeq?: number; endOnWait: boolean },
  ): Promise<void> {
    await this.streams.send(response, {
      room: sessionRoom(currentTenantActor().tenantId, run.sessionId),
      source: this.sources.ofRun(run.id),
      run: {
        runId: run.id,
        afterSeq: options.afterSeq ?? 0,
        endOnWait: options.endOnWait,
        begun: run.begun,
        isHere: run.isHere,
      },
    });
  }

  /** As `stream`, for a reader who comes back and says how far it was. */
  async resume(run: Pick<Run, 'id' | 'sessionId'>, request: Request, response: Response): Promise<void> {
    await this.stream(run, response, {
      afterSeq: parseLastEventId(request.headers['last-event-id']),
      endOnWait: false,
    });
  }

  /** In the way that was asked for; undefined when the response is written already. */
  async as(way: AnswerWay, run: Run | BegunRun, response: Response): Promise<MessageSentDto | undefined> {
    if (way.background) {
      response.status(202);
      return { run: shownRun(run) };
    }
    if (!way.stream) return this.wait(run, response);
    await this.stream(run, response, { endOnWait: true });
    return undefined;
  }

  /** Waits for the end, at most `WAIT_MAX_MS`: 201 with the answer, 202 with the run as it stands then. */
  private async wait(run: Run | BegunRun, response: Response): Promise<MessageSentDto> {
    const outcome = await this.outcome(run);
    response.status(hasEnded(outcome.run.status) ? 201 : 202);
    return hasEnded(outcome.run.status) ? this.finished(outcome) : this.unfinished(outcome);
  }

  /** The run at its end, or as it stands after `WAIT_MAX_MS` or another time. @throws as RunWaits.ended */
  outcome(run: Run | BegunRun, { maxMs = this.settings.http.waitMaxMs, signal }: Waiting = {}): Promise<Outcome> {
    return this.waits.ended(run, maxMs, signal);
  }

  /** A run that goes on, or what it waits for. */
  async unfinished({ run }: Outcome): Promise<{ run: RunDto } & PendingDto> {
    if (run.status !== 'waiting') return { run };
    const [permissions, pendingToolCalls] = await this.db.run(() =>
      Promise.all([this.permissions.pendingOf(run), this.calls.clientCallsOf(run.id)]),
    );
    return { run, pendingPermissions: permissions.map(shownPermission), pendingToolCalls };
  }

  async finished({ run, message }: Outcome): Promise<Required<Pick<MessageSentDto, 'message' | 'run'>>> {
    if (message !== undefined) return { message, run };
    const answer = run.status === 'failed' ? null : await this.messages.findAnswer(run.id, run.sessionId);
    return { message: answer && shownMessage(answer), run };
  }
}
