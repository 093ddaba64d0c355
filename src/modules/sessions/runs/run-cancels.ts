import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Live } from '../../../platform/live/live.js';
import { RunMetrics } from '../run-loop/run-metrics.js';
import type { Run } from './run.js';
import { RunLineRepository } from './run-line.repository.js';
import { RunNotices } from './run-notices.js';
import { RunsRepository } from './runs.repository.js';

/** Ends runs that wait for their turn, and asks the others to end: their rows say so, and whoever holds one is told. */
@Injectable()
export class RunCancels {
  constructor(
    private readonly runs: RunsRepository,
    private readonly line: RunLineRepository,
    private readonly notices: RunNotices,
    private readonly events: Events,
    private readonly metrics: RunMetrics,
    private readonly live: Live,
    private readonly db: Db,
  ) {}

  /**
   * In the open transaction, which holds their session, so that of several none begins because another ends. Returns
   * those that had not ended; those in line have, now.
   */
  async request(runIds: readonly string[]): Promise<Run[]> {
    if (runIds.length === 0) return [];
    const ended = await this.line.endHeld(runIds);
    if (ended.length > 0) await this.tellEnds(ended);
    const known = new Set(ended.map(({ id }) => id));
    return [...ended, ...(await this.ask(runIds.filter((id) => !known.has(id))))];
  }

  /** Those whose turn has come and that have not ended. */
  async ask(runIds: readonly string[]): Promise<Run[]> {
    const asked: Run[] = [];
    for (const runId of runIds) {
      const run = await this.runs.requestCancel(runId);
      if (!run) continue;
      asked.push(run);
      await this.publish('run.cancelRequested', [run]);
      this.db.afterCommit(() => this.live.signal('run.cancel', { runId }));
    }
    return asked;
  }

  /** Of one session. */
  private async tellEnds(runs: readonly Run[]): Promise<void> {
    await Promise.all([
      this.notices.tell(runs, 'run.cancelled'),
      this.publish('run.cancelRequested', runs),
      this.publish('run.cancelled', runs),
    ]);
    this.db.afterCommit(() => runs.forEach(() => this.metrics.end('cancelled')));
  }

  private async publish(action: 'run.cancelRequested' | 'run.cancelled', runs: readonly Run[]): Promise<void> {
    const payload = { sessionId: runs[0]?.sessionId ?? '' };
    const ids = runs.map(({ id }) => id);
    await this.events.publishEach(action, { resourceType: 'run', payload }, ids);
  }
}
