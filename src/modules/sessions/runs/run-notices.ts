import { Injectable } from '@nestjs/common';
import type { RunEventType } from '../../../contracts/live-events.js';
import { Db } from '../../../platform/database/db.js';
import { SessionNews } from '../session-news.js';
import type { Run } from './run.js';
import { RunEventsRepository } from './run-events.repository.js';
import { shownRun } from './runs.dto.js';

/** Tells what becomes of runs that nobody holds; of all others their holders tell. */
@Injectable()
export class RunNotices {
  constructor(
    private readonly events: RunEventsRepository,
    private readonly news: SessionNews,
    private readonly db: Db,
  ) {}

  /** The last event of each, for which its row has made room in the open transaction. */
  async tell(runs: readonly Run[], type: Extract<RunEventType, 'run.waiting' | 'run.cancelled'>): Promise<void> {
    const at = new Date();
    const told = runs.map((run) => ({ run, event: { seq: run.lastSeq, type, data: { run: shownRun(run) } } }));
    this.db.afterCommit(() => {
      for (const { run, event } of told) this.news.happened(run, at.toISOString(), [event]);
    });
    await this.events.add(
      at,
      told.map(({ run, event }) => ({ runId: run.id, ...event })),
    );
  }
}
