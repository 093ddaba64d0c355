import { Injectable } from '@nestjs/common';
import type { RunEventType } from '../../../contracts/live-events.js';
import { DatabaseGone } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import { hasEnded, type Run, type RunError, type RunStatus } from '../runs/run.js';
import type { StoredEvent } from '../runs/run-events.repository.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { SessionNews } from '../session-news.js';
import type { SessionEntity } from '../session.entity.js';
import { RunEventWriter } from './run-event.writer.js';
import { Interruption, type RunHold } from './run-hold.js';

export interface JournalEvent {
  type: RunEventType;
  /** What shows the run itself is made from the row as the entry leaves it. */
  data: Record<string, unknown> | ((run: Run) => Record<string, unknown>);
}

export interface JournalEntry {
  /** A function is asked in the transaction, once `before` and `check` are through: what they lock stays as it tells. */
  events: JournalEvent[] | (() => Promise<JournalEvent[]>);
  /** Locks to take before the run's row, for example the session's. */
  before?: () => Promise<unknown>;
  /** What has to hold before anything is written; throws where it does not. */
  check?: () => Promise<unknown>;
  /** Other rows of this step, written with it or not at all. Its statements should not wait for one another. */
  work?: (run: Run) => Promise<unknown>;
  /**
   * It has events and `work` alone, whose statements are all under way when `work` returns: COMMIT goes out with them,
   * and others such as it may share its transaction.
   */
  inOneGo?: boolean;
  /** What it has made of the session, once it is written. */
  session?: () => SessionEntity | undefined;
  /** The hold ends with this entry: the run is over, or waits. */
  end?: {
    /** `suspended`: it waits for other runs, which does not show. */
    status: Extract<RunStatus, 'completed' | 'failed' | 'cancelled' | 'waiting'> | 'suspended';
    error: RunError | null;
  };
}

interface Written {
  run: Run;
  events: StoredEvent[];
}

/** An entry whose events are there already. */
type Told = JournalEntry & { events: JournalEvent[] };

/** An entry that waits for its turn, and takes others in. */
interface Gathering {
  entries: Told[];
  written: Promise<Run>;
}

/** Writes a run's steps: state, events and other rows in one transaction under the fence, then live. */
@Injectable()
export class RunJournal {
  private readonly gathering = new WeakMap<RunHold, Gathering>();

  constructor(
    private readonly db: Db,
    private readonly runs: RunsRepository,
    private readonly writer: RunEventWriter,
    private readonly news: SessionNews,
  ) {}

  /** @throws Interruption `lost` when someone else holds the run now */
  write(hold: RunHold, entry: JournalEntry): Promise<Run> {
    if (entry.inOneGo && isTold(entry)) return this.writeTogether(hold, entry);
    // What comes after this one is written after it.
    this.gathering.delete(hold);
    return hold.inTurn(() => this.writeNow(hold, entry));
  }

  /** With those that come while it waits for its turn: results of calls that were made side by side come all at once. */
  private writeTogether(hold: RunHold, entry: Told): Promise<Run> {
    const open = this.gathering.get(hold);
    if (open) {
      open.entries.push(entry);
      return open.written;
    }
    const entries = [entry];
    const written = hold.inTurn(() => {
      this.gathering.delete(hold);
      return this.writeNow(hold, joined(entries));
    });
    this.gathering.set(hold, { entries, written });
    return written;
  }

  /** With what the writer has not stored yet, so that a short answer's last words and its end are one write. */
  private async writeNow(hold: RunHold, entry: JournalEntry): Promise<Run> {
    const drafts = await this.writer.take(hold);
    if (hold.isLost) throw new Interruption('lost');
    const at = new Date();
    let written: Written;
    try {
      written = await this.db.run(async () => {
        const locked = entry.before?.() ?? Promise.resolve();
        await entry.check?.();
        const told = typeof entry.events === 'function' ? await toldAfter(locked, entry.events) : entry.events;
        const { run, events } = leaving(hold, entry, [...drafts, ...told], at);
        const held = this.runs.advance(run, hold.fence, at, events, entry.end?.status === 'suspended');
        const work = entry.work?.(run) ?? Promise.resolve();
        if (entry.inOneGo) this.db.commitNowIfOutermost();
        const steps = [locked, held, work];
        await Promise.allSettled(steps);
        // In this order: where the lock failed nothing was tried, and where another holds the run, the rest collides.
        await locked;
        if (!(await held)) throw new Interruption('lost');
        await Promise.all(steps);
        return { run, events };
      });
    } catch (error) {
      // Whether it was stored is not known, so nobody may go on as if it were not: a take-over reads what is there.
      if (error instanceof DatabaseGone) hold.lose();
      else this.writer.putBack(hold, drafts);
      throw error;
    }
    const { run, events } = written;
    hold.run.lastSeq = run.lastSeq;
    hold.run.openMessageId = run.openMessageId;
    this.news.happened(run, at.toISOString(), events, entry.session?.());
    return run;
  }
}

function isTold(entry: JournalEntry): entry is Told {
  return Array.isArray(entry.events);
}

/** The lock is not waited for, since most have nothing to ask; where both fail, its failure is the cause. */
async function toldAfter(locked: Promise<unknown>, events: () => Promise<JournalEvent[]>): Promise<JournalEvent[]> {
  locked.catch(() => undefined);
  try {
    return await events();
  } catch (error) {
    await locked;
    throw error;
  }
}

function leaving(hold: RunHold, entry: JournalEntry, told: readonly JournalEvent[], at: Date): Written {
  const run = after(hold, entry, told.length, at);
  const events = told.map(({ type, data }, index) => ({
    seq: hold.run.lastSeq + index + 1,
    type,
    data: typeof data === 'function' ? data(run) : data,
  }));
  return { run, events };
}

function joined(entries: readonly Told[]): Told {
  return {
    events: entries.flatMap(({ events }) => events),
    work: (run) => Promise.all(entries.map(({ work }) => work?.(run) ?? Promise.resolve())),
    inOneGo: true,
  };
}

/** The run as the entry will leave it: its holder is the only one to write what is shown of it. */
function after(hold: RunHold, { end }: JournalEntry, events: number, at: Date): Run {
  const { pinned: _pinned, ...run } = hold.run;
  const status = !end || end.status === 'suspended' ? 'running' : end.status;
  const isOver = hasEnded(status);
  return {
    ...run,
    lastSeq: run.lastSeq + events,
    activeMs: hold.activeMs,
    openMessageId: isOver ? null : run.openMessageId,
    status,
    error: end?.error ?? null,
    finishedAt: isOver ? at : null,
  };
}
