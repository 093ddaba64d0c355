import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { NotFound, Unauthenticated } from '../../../contracts/errors.js';
import { RUN_ENDS, sessionRoom, type Envelope } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Live } from '../../../platform/live/live.js';
import { concerns } from '../../../platform/live/revocation.js';
import type { MessageDto } from '../messages/messages.dto.js';
import { hasEnded, type BegunRun, type Run } from '../runs/run.js';
import { shownRun, type RunDto } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';

/** Live events are hints: the row is asked this often too. */
const POLL_MS = 1_000;

export interface Outcome {
  run: RunDto;
  /** The answer as it was told with the run's end, null where there is none; undefined when it was not heard. */
  message?: MessageDto | null;
}

/** Requests that wait for a run. */
@Injectable()
export class RunWaits implements BeforeApplicationShutdown {
  private readonly waiting = new Set<() => void>();
  private isClosing = false;

  constructor(
    private readonly runs: RunsRepository,
    private readonly live: Live,
  ) {}

  /** Who waits is answered as things stand, instead of being cut off. */
  beforeApplicationShutdown(): void {
    this.isClosing = true;
    for (const ring of this.waiting) ring();
  }

  /**
   * The run once it has ended or waits for somebody, or as it is after `timeoutMs`, when `signal` says that nobody waits
   * any more, or when this process stops.
   * @throws NotFound when the caller may see it no more, Unauthenticated when their access was revoked meanwhile
   */
  async ended(run: Run & Partial<Pick<BegunRun, 'isHere'>>, timeoutMs: number, signal?: AbortSignal): Promise<Outcome> {
    if (hasEnded(run.status)) return { run: shownRun(run) };
    const actor = currentTenantActor();
    const heard: { outcome: Outcome | null; isRevoked: boolean } = { outcome: null, isRevoked: false };
    const deadline = performance.now() + timeoutMs;
    let wake = Promise.withResolvers<undefined>();
    const ring = (): void => wake.resolve(undefined);
    const onEvents = (envelopes: readonly Envelope[]): void => {
      heard.outcome ??= outcomeIn(envelopes, run.id);
      if (heard.outcome) ring();
    };
    this.waiting.add(ring);
    signal?.addEventListener('abort', ring);
    // A gap has the row asked: the caller may see it no more.
    const onGap = (): void => {
      heard.outcome = null;
      ring();
    };
    const leave = this.live.subscribe(sessionRoom(actor.tenantId, run.sessionId), onEvents, onGap, run.isHere);
    const forget = this.live.onSignal('access.revoked', (revoked) => {
      if (!concerns(revoked, actor)) return;
      heard.isRevoked = true;
      ring();
    });
    try {
      for (;;) {
        const left = deadline - performance.now();
        const timer = setTimeout(ring, Math.max(0, Math.min(left, POLL_MS)));
        await wake.promise;
        clearTimeout(timer);
        wake = Promise.withResolvers();
        if (heard.isRevoked) throw new Unauthenticated('The access of this request has ended');
        if (heard.outcome) return heard.outcome;
        const now = await this.runs.findVisible(run.id);
        if (!now) throw new NotFound('Run');
        const isOver = hasEnded(now.status) || now.status === 'waiting';
        const isLeft = this.isClosing || signal?.aborted === true;
        if (isOver || isLeft || deadline <= performance.now()) return { run: shownRun(now) };
      }
    } finally {
      leave();
      forget();
      this.waiting.delete(ring);
      signal?.removeEventListener('abort', ring);
    }
  }
}

/** How a run has ended, or that it waits, by its own events; its answer is told in one go with its end. */
function outcomeIn(envelopes: readonly Envelope[], runId: string): Outcome | null {
  const own = envelopes.filter((envelope) => 'runId' in envelope && envelope.runId === runId);
  const last = own.find(({ type }) => RUN_ENDS.has(type) || type === 'run.waiting');
  if (!last) return null;
  const { run } = last.data as { run: RunDto };
  const answer = own.find(({ type }) => type === 'message.completed')?.data as { message: MessageDto } | undefined;
  return { run, message: last.type === 'run.failed' ? null : (answer?.message ?? null) };
}
