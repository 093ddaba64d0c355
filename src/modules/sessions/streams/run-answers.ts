import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Request, Response } from 'express';
import { NotFound, Unauthenticated } from '../../../contracts/errors.js';
import { RUN_ENDS, sessionRoom, type Envelope } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { parseLastEventId } from '../../../platform/live/sse-format.js';
import { Live } from '../../../platform/live/live.js';
import { concerns } from '../../../platform/live/revocation.js';
import { SseStreams } from '../../../platform/live/sse-streams.js';
import { MessagesRepository } from '../messages/messages.repository.js';
import { shownMessage, type MessageSentDto, type PendingDto } from '../messages/messages.dto.js';
import { hasEnded, type Run } from '../runs/run.js';
import { shownRun, type RunDto } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import type { AnswerWay } from './answer-way.js';
import { SessionSources } from './session-source.js';

/** Live events are hints: the row is asked this often too. */
const POLL_MS = 1_000;

/** The three ways a run is answered with: its events, its end, or at once. */
@Injectable()
export class RunAnswers implements BeforeApplicationShutdown {
  private readonly waiting = new Set<() => void>();
  private isClosing = false;

  constructor(
    private readonly runs: RunsRepository,
    private readonly messages: MessagesRepository,
    private readonly sources: SessionSources,
    private readonly streams: SseStreams,
    private readonly live: Live,
    private readonly settings: Settings,
  ) {}

  /** Who waits is answered as things stand, instead of being cut off. */
  beforeApplicationShutdown(): void {
    this.isClosing = true;
    for (const ring of this.waiting) ring();
  }

  /** Writes the run's events to the response until it ends or waits; the run goes on without its reader. */
  async stream(
    run: Pick<Run, 'id' | 'sessionId'>,
    response: Response,
    options: { afterSeq?: number; endOnWait: boolean },
  ): Promise<void> {
    await this.streams.send(response, {
      room: sessionRoom(currentTenantActor().tenantId, run.sessionId),
      source: this.sources.ofRun(run.id),
      run: { runId: run.id, afterSeq: options.afterSeq ?? 0, endOnWait: options.endOnWait },
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
  async as(way: AnswerWay, run: Run, response: Response): Promise<MessageSentDto | undefined> {
    if (way.background) {
      response.status(202);
      return { run: shownRun(run) };
    }
    if (!way.stream) return this.wait(run, response);
    await this.stream(run, response, { endOnWait: true });
    return undefined;
  }

  /** Waits for the end, at most `WAIT_MAX_MS`: 201 with the answer, 202 with the run as it stands then. */
  private async wait(run: Run, response: Response): Promise<MessageSentDto> {
    const ended = await this.ended(run, this.settings.http.waitMaxMs);
    response.status(hasEnded(ended.status) ? 201 : 202);
    return hasEnded(ended.status) ? this.finished(ended) : this.unfinished(ended);
  }

  /** A run that goes on, or what it waits for. */
  unfinished(run: Run): { run: RunDto } & PendingDto {
    const pending = run.status === 'waiting' ? { pendingPermissions: [], pendingToolCalls: [] } : {};
    return { run: shownRun(run), ...pending };
  }

  async finished(run: Run): Promise<MessageSentDto> {
    const message = run.status === 'failed' ? null : await this.messages.findAnswer(run.id, run.sessionId);
    return { message: message && shownMessage(message), run: shownRun(run) };
  }

  /**
   * The run once it has ended or waits for somebody, or as it is after `timeoutMs` or when this process stops.
   * @throws NotFound when the caller may see it no more, Unauthenticated when their access was revoked meanwhile
   */
  async ended(run: Run, timeoutMs: number): Promise<Run> {
    if (hasEnded(run.status)) return run;
    const actor = currentTenantActor();
    const access = { isRevoked: false };
    const deadline = performance.now() + timeoutMs;
    let wake = Promise.withResolvers<undefined>();
    const ring = (): void => wake.resolve(undefined);
    const onEvents = (envelopes: readonly Envelope[]): void => {
      if (
        envelopes.some((e) => 'runId' in e && e.runId === run.id && (RUN_ENDS.has(e.type) || e.type === 'run.waiting'))
      )
        ring();
    };
    this.waiting.add(ring);
    const leave = this.live.subscribe(sessionRoom(actor.tenantId, run.sessionId), onEvents, ring);
    const forget = this.live.onSignal('access.revoked', (revoked) => {
      if (!concerns(revoked, actor)) return;
      access.isRevoked = true;
      ring();
    });
    try {
      for (;;) {
        const left = deadline - performance.now();
        const timer = setTimeout(ring, Math.max(0, Math.min(left, POLL_MS)));
        await wake.promise;
        clearTimeout(timer);
        wake = Promise.withResolvers();
        if (access.isRevoked) throw new Unauthenticated('The access of this request has ended');
        const now = await this.runs.findVisible(run.id);
        if (!now) throw new NotFound('Run');
        if (hasEnded(now.status) || now.status === 'waiting') return now;
        if (this.isClosing || deadline <= performance.now()) return now;
      }
    } finally {
      leave();
      forget();
      this.waiting.delete(ring);
    }
  }
}
