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

  /** The run's last event, for which its row has made room in the open transaction. */
  async tell(run: Run, type: Extract<RunEventType, 'run.waiting' | 'run.resumed' | 'run.cancelled'>): Promise<void> {
    const at = new Date();
    const events = [{ seq: run.lastSeq, type, data: { run: shownRun(run) } }];
    this.db.afterCommit(() => this.news.happened(run, at.toISOString(), events));
    await this.events.add(run.id, at, events);
  }
}
