import { Injectable, Logger } from '@nestjs/common';
import type { RunEventType } from '../../../contracts/live-events.js';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { dataFault } from '../../../platform/database/database-errors.js';
import { Db } from '../../../platform/database/db.js';
import { SessionNews } from '../session-news.js';
import type { RunHold } from './run-hold.js';

export interface EventDraft {
  type: RunEventType;
  data: Record<string, unknown>;
}

interface Pending {
  hold: RunHold;
  /** As it was when the last draft was added. */
  openMessageId: string | null;
  drafts: EventDraft[];
  stored: PromiseWithResolvers<void>;
}

/** Deltas after the first are gathered this long, so that a fast model does not make a row per token. */
const GATHER_MS = 50;
/** All runs of the process wait for one write: one that hangs longer than their leases would is given up. */
const WRITE_LIMIT_MS = 8_000;

/** Stores what a run shows while a model speaks: one statement for all runs of this process, then live. */
@Injectable()
export class RunEventWriter {
  private readonly logger = new Logger('Runs');
  private pending = new Map<RunHold, Pending>();
  /** The batch that is being stored. */
  private underWay = new Map<RunHold, Pending>();
  private timer: NodeJS.Timeout | undefined;
  private writing = false;
  /** Something waits that should not wait any longer. */
  private isDue = false;

  constructor(
    private readonly db: Db,
    private readonly news: SessionNews,
  ) {}

  /** `urgent`: now rather than with the next batch. What can't be stored interrupts the run. */
  add(hold: RunHold, draft: EventDraft, urgent = false): void {
    const pending = this.pendingOf(hold);
    pending.openMessageId = hold.run.openMessageId;
    const last = pending.drafts.at(-1);
    if (last && isDelta(draft) && last.type === draft.type && last.data['messageId'] === draft.data['messageId']) {
      last.data['text'] = String(last.data['text']) + String(draft.data['text']);
    } else {
      pending.drafts.push({ type: draft.type, data: { ...draft.data } });
    }
    if (urgent) this.writeNow();
    else this.timer ??= setTimeout(() => this.writeNow(), GATHER_MS);
  }

  /** What was added for the run and is not stored yet, which is the caller's to store now. All before it is stored. */
  async take(hold: RunHold): Promise<EventDraft[]> {
    // Not the whole writer: while others stream, it is never done.
    for (let batch = this.underWay.get(hold); batch; batch = this.underWay.get(hold)) await batch.stored.promise;
    const drafts = this.pending.get(hold)?.drafts ?? [];
    this.pending.delete(hold);
    return drafts;
  }

  /** What a hold that is over had still to say: nobody may say it any more. */
  drop(hold: RunHold): void {
    this.pending.delete(hold);
  }

  /** What was taken and surely is not stored. */
  putBack(hold: RunHold, drafts: readonly EventDraft[]): void {
    if (drafts.length === 0) return;
    const pending = this.pendingOf(hold);
    pending.drafts.unshift(...drafts);
    pending.openMessageId = hold.run.openMessageId;
    this.timer ??= setTimeout(() => this.writeNow(), GATHER_MS);
  }

  private pendingOf(hold: RunHold): Pending {
    let pending = this.pending.get(hold);
    if (!pending) {
      pending = { hold, openMessageId: null, drafts: [], stored: Promise.withResolvers() };
      this.pending.set(hold, pending);
    }
    return pending;
  }

  private writeNow(): void {
    this.isDue = true;
    // One batch at a time: the next starts when this one is stored.
    if (this.writing) return;
    this.writing = true;
    // Once what has arrived is worked through: an answer that came in one piece is stored with its end, in one write.
    setImmediate(() => void this.writeAll());
  }

  private async writeAll(): Promise<void> {
    while (this.isDue) {
      this.isDue = false;
      this.underWay = this.pending;
      this.pending = new Map();
      clearTimeout(this.timer);
      this.timer = undefined;
      const taken = [...this.underWay.values()];
      const batch = taken.filter(({ hold }) => !hold.isLost);
      if (batch.length > 0) await this.write(batch);
      this.underWay = new Map();
      for (const { stored } of taken) stored.resolve();
    }
    this.writing = false;
  }

  private async write(batch: Pending[]): Promise<void> {
    try {
      const bases = await runAs(Actor.system('run event writer'), () =>
        this.db.run(
          () => {
            const stored = this.store(batch);
            this.db.commitNow();
            return stored;
          },
          { limitMs: WRITE_LIMIT_MS },
        ),
      );
      for (const { hold, drafts } of batch) {
        const stored = bases.get(keyOf(hold));
        if (!stored) hold.lose();
        else this.show(hold, drafts, stored.base, stored.at);
      }
    } catch (error) {
      const state = dataFault(error);
      if (state !== null) return this.writeApart(batch, state);
      // Whether they were stored is not known, so none may go on as if they were: a take-over reads what is there.
      for (const { hold } of batch) hold.lose();
    }
  }

  /** Surely nothing of the batch is stored. The run whose data it was must not take the others along. */
  private async writeApart(batch: Pending[], sqlState: string): Promise<void> {
    const [first] = batch;
    if (first && batch.length === 1) {
      const { id: runId, tenantId } = first.hold.run;
      this.logger.error({ runId, tenantId, sqlState }, 'What a run has to say can not be stored');
      first.hold.spoil();
      return;
    }
    const half = Math.ceil(batch.length / 2);
    await this.write(batch.slice(0, half));
    await this.write(batch.slice(half));
  }

  private async store(batch: Pending[]): Promise<Map<string, { base: number; at: string }>> {
    const runs = batch.map(({ hold, openMessageId, drafts }) => ({
      tenant_id: hold.run.tenantId,
      run_id: hold.run.id,
      fence: hold.fence,
      n: drafts.length,
      open_message_id: openMessageId,
    }));
    const events = batch.flatMap(({ hold, drafts }) =>
      drafts.map(({ type, data }, index) => ({
        ...{ run_id: hold.run.id, fence: hold.fence, ord: index + 1, type, data },
      })),
    );
    const rows = await this.db.systemSql<{ run_id: string; fence: number; base: number; at: Date }>(
      `WITH given AS (
         SELECT * FROM jsonb_to_recordset(:runs::jsonb)
           AS g(tenant_id uuid, run_id uuid, fence bigint, n integer, open_message_id uuid)
       ), advanced AS (
         UPDATE runs r SET last_seq = r.last_seq + g.n, progressed = true, open_message_id = g.open_message_id
         FROM given g
         WHERE r.tenant_id = g.tenant_id AND r.id = g.run_id AND r.fence = g.fence AND r.status = 'running'
         RETURNING r.tenant_id, r.id, r.fence, r.last_seq - g.n AS base
       ), stored AS (
         INSERT INTO run_events (tenant_id, run_id, seq, type, data)
         SELECT a.tenant_id, a.id, a.base + e.ord, e.type, e.data
         FROM jsonb_to_recordset(:events::jsonb) AS e(run_id uuid, fence bigint, ord integer, type text, data jsonb)
         JOIN advanced a ON a.id = e.run_id AND a.fence = e.fence
       )
       SELECT id AS run_id, fence, base, now() AS at FROM advanced`,
      { runs: JSON.stringify(runs), events: JSON.stringify(events) },
    );
    return new Map(
      rows.map(({ run_id: id, fence, base, at }) => [`${id} ${fence}`, { base: Number(base), at: at.toISOString() }]),
    );
  }

  private show(hold: RunHold, drafts: EventDraft[], base: number, at: string): void {
    hold.run.lastSeq = base + drafts.length;
    const events = drafts.map((draft, index) => ({ seq: base + index + 1, ...draft }));
    this.news.happened(hold.run, at, events);
  }
}

/** A run may be taken up again while its last holder still has something to say. */
function keyOf({ run, fence }: RunHold): string {
  return `${run.id} ${fence}`;
}

function isDelta(draft: EventDraft): boolean {
  return draft.type === 'message.delta' || draft.type === 'thinking.delta';
}
