import { Injectable } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { JobQueue } from '../../../platform/jobs/job-queue.js';
import type { SessionEntity } from '../session.entity.js';
import type { SettledSession } from '../sessions.repository.js';
import type { OnBusy } from './on-busy.js';
import type { Run } from './run.js';
import { RunCancels } from './run-cancels.js';
import { RunLineRepository } from './run-line.repository.js';
import { RunsRepository } from './runs.repository.js';

/** Runs of a session that have not ended, at most. */
const LONGEST_LINE = 100;

/** When a new run has its turn. */
export interface Turn {
  /** It has to wait for others. */
  isHeld: boolean;
  /** Those that are to end for it. */
  interrupted: string[];
}

/** Whose turn it is in a session: one run is on, the others wait in the order in which their messages came. */
@Injectable()
export class RunLine {
  constructor(
    private readonly line: RunLineRepository,
    private readonly runs: RunsRepository,
    private readonly cancels: RunCancels,
    private readonly jobs: JobQueue,
  ) {}

  /**
   * When a new run of a session has its turn; the session is locked.
   * @throws Conflict when the session takes none: it is closed, or busy (`run_in_progress`) and nobody is to wait
   */
  async admit(session: SessionEntity, onBusy: OnBusy = 'reject'): Promise<Turn> {
    const isBusy = session.status === 'processing' || session.status === 'waiting';
    if (!isBusy && session.status !== 'created' && session.status !== 'active') {
      throw new Conflict(`The session is ${session.status}: it takes no messages`);
    }
    if (!isBusy) return { isHeld: false, interrupted: [] };
    if (onBusy === 'reject') throw new Conflict('A run is on in this session', { code: 'run_in_progress' });
    const open = await this.runs.openOf(session.id);
    if (onBusy === 'queue' && open.length >= LONGEST_LINE) {
      throw new Conflict(`${open.length} runs wait in this session already`, { code: 'run_in_progress' });
    }
    return { isHeld: open.length > 0, interrupted: onBusy === 'interrupt' ? open : [] };
  }

  /** After the new run is stored, in the same transaction: with its key, a request is bound to what it changes first. */
  async interrupt({ interrupted }: Turn): Promise<void> {
    for (const run of await this.cancels.request(interrupted)) {
      // A holder hears of it; a run without one is ended by whoever takes it up.
      if (run.status === 'queued') this.ring(run, run.id);
    }
  }

  /** In the transaction that ends a run: what was said meanwhile comes after its answer, and the next one starts. */
  async moveOn(run: Run, session: SettledSession, hasAnswer: boolean): Promise<void> {
    if (hasAnswer && session.hasLater) await this.line.moveBehind(session.id, run.messageId, session.lastPosition);
    if (session.hasOpen && session.status !== 'paused') await this.startNext(session);
  }

  /** Starts the run whose turn it is, if none is on; the session is locked. */
  async startNext(session: Pick<SessionEntity, 'tenantId' | 'id'>): Promise<void> {
    const runId = await this.line.releaseNext(session.id);
    if (runId !== null) this.ring(session, runId);
  }

  private ring({ tenantId }: Pick<SessionEntity, 'tenantId'>, runId: string): void {
    this.jobs.ring('run.execute', { tenantId, runId });
  }
}
