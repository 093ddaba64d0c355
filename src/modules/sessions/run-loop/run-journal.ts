import { Injectable } from '@nestjs/common';
import type { RunEventType } from '../../../contracts/live-events.js';
import { Db } from '../../../platform/database/db.js';
import type { Run, RunError, RunStatus } from '../runs/run.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { SessionNews } from '../session-news.js';
import { RunEventWriter } from './run-event.writer.js';
import { Interruption, type RunHold } from './run-hold.js';

export interface JournalEntry {
  /** Data that shows the run itself is made from the row as this entry leaves it. */
  events: { type: RunEventType; data: Record<string, unknown> | ((run: Run) => Record<string, unknown>) }[];
  /** Locks to take before the run's row, for example the session's. */
  before?: () => Promise<unknown>;
  /** Other rows of this step, written with it or not at all. */
  work?: (run: Run) => Promise<void>;
  /** The hold ends with this entry: the run is over, or waits. */
  end?: { status: Extract<RunStatus, 'completed' | 'failed' | 'cancelled' | 'waiting'>; error: RunError | null };
}

/** Writes a run's steps: state, events and other rows in one transaction under the fence, then live. */
@Injectable()
export class RunJournal {
  constructor(
    private readonly db: Db,
    private readonly runs: RunsRepository,
    private readonly writer: RunEventWriter,
    private readonly news: SessionNews,
  ) {}

  /** @throws Interruption `lost` when someone else holds the run now */
  write(hold: RunHold, entry: JournalEntry): Promise<Run> {
    return hold.inTurn(() => this.writeNow(hold, entry));
  }

  private async writeNow(hold: RunHold, entry: JournalEntry): Promise<Run> {
    await this.writer.flush(hold);
    if (hold.isLost) throw new Interruption('lost');
    const at = new Date();
    const { run, events } = await this.db.run(async () => {
      await entry.before?.();
      const advanced = await this.runs.advance(
        hold.run,
        hold.fence,
        hold.activeMs,
        entry.events.length,
        entry.end ?? null,
      );
      if (!advanced) throw new Interruption('lost');
      await entry.work?.(advanced);
      const base = advanced.lastSeq - entry.events.length;
      const stored = entry.events.map(({ type, data }, index) => ({
        seq: base + index + 1,
        type,
        data: typeof data === 'function' ? data(advanced) : data,
      }));
      await this.runs.addEvents(advanced.id, at, stored);
      return { run: advanced, events: stored };
    });
    hold.run.lastSeq = run.lastSeq;
    this.news.happened(run, at.toISOString(), events);
    return run;
  }
}
