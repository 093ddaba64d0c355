import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { DomainError } from '../../contracts/errors.js';
import type { Envelope, LooseEnvelope, Room, RunEnvelope } from '../../contracts/live-events.js';
import type { EventSink } from './event-sink.js';
import type { EventSource, RunPosition } from './event-source.js';
import type { Live } from './live.js';
import type { LiveLimits } from './live-limits.js';
import { RunTracks } from './run-tracks.js';
import type { SharedReads } from './shared-reads.js';

/** What one reader follows: one run until it ends, or all runs of a session. */
export interface Following {
  room: Room;
  source: EventSource;
  sink: EventSink;
  /**
   * Only this run, after `afterSeq`. `endOnWait`: a run that waits for somebody ends the reader too. `begun`: it has just
   * been stored with these events, which need not be read. `isHere`: and this process works on it.
   */
  run?: { runId: string; afterSeq: number; endOnWait?: boolean; begun?: readonly RunEnvelope[]; isHere?: boolean };
  /** In a session all runs are shown from where they stand, but this one after `afterSeq`. */
  replay?: { runId: string; afterSeq: number };
}

/** `gone`: what it follows does not exist for this actor any more. */
export type ReaderEnd = 'ended' | 'waiting' | 'gone' | 'stuck' | 'closed' | 'stopped';

interface ReaderContext {
  /** Readers with the same are shown the same by a source. */
  follower: string;
  live: Live;
  reads: SharedReads;
  limits: LiveLimits;
}

/**
 * Brings the stored events to one client, each once and in order. Live events are shown as they come while the client
 * keeps up; after a hole, a gap or a full buffer it forgets them and reads rows, so that it holds at most one page.
 */
export class EventReader {
  readonly ended: Promise<ReaderEnd>;
  private readonly tracks = new RunTracks();
  private readonly logger = new Logger('EventReader');
  /** Live events come in the context of their emitter; rows are read in that of the follower. */
  private readonly asFollower = AsyncLocalStorage.snapshot();
  private readonly onClosed = () => this.finish('closed');
  private leave: () => void = () => undefined;
  private resolveEnded: (end: ReaderEnd) => void = () => undefined;
  private phase: 'opening' | 'opened' | 'begun' | 'finished' = 'opening';
  private pumping = false;
  /** The rows have to be asked how far the runs are. */
  private unsure = false;
  /**
   * Events outside of runs that came while they could not be shown: the last of each type and document, which says it
   * all.
   */
  private readonly later = new Map<string, LooseEnvelope>();
  /** Reading failed; the next tick tries again. */
  private troubled = false;
  private ending = false;
  private lastNews = performance.now();
  private lastCheck = this.lastNews;
  private lastMove = this.lastNews;
  private taken = 0;

  constructor(
    private readonly following: Following,
    private readonly context: ReaderContext,
  ) {
    this.ended = new Promise((resolve) => (this.resolveEnded = resolve));
  }

  /** Subscribes, then asks where the runs are; shows nothing before `begin`. Throws what the source throws. */
  async open(): Promise<void> {
    const { room, sink, run, replay } = this.following;
    this.leave = this.context.live.subscribe(room, this.onEvents.bind(this), this.onGap.bind(this), run?.isHere);
    sink.closed.addEventListener('abort', this.onClosed);
    if (sink.closed.aborted) this.finish('closed');
    try {
      const from = run ?? replay;
      if (run?.begun) this.tracks.start({ runId: run.runId, lastSeq: 0, ended: false }, 0);
      else
        for (const position of await this.positions()) {
          this.tracks.start(position, position.runId === from?.runId ? from.afterSeq : position.lastSeq);
        }
    } catch (error) {
      this.finish('stopped');
      throw error;
    }
    if (this.phase === 'opening') this.phase = 'opened';
  }

  begin(): void {
    if (this.phase !== 'opened') return;
    this.phase = 'begun';
    for (const envelope of this.following.run?.begun ?? []) this.show(envelope);
    this.pump();
  }

  stop(): void {
    this.finish('stopped');
  }

  /** Called every `tickMs`: looks after what never comes. */
  tick(now: number): void {
    if (!this.isActive() || this.closeIfStuck(now)) return;
    const { quietMs, recheckMs } = this.context.limits;
    if (now - this.lastNews >= quietMs || now - this.lastCheck >= recheckMs) {
      this.lastNews = this.lastCheck = now;
      this.unsure = true;
    }
    this.troubled = false;
    if (this.isBehind()) this.pump();
    else this.showLater();
  }

  private onEvents(envelopes: readonly Envelope[]): void {
    if (this.phase === 'finished') return;
    this.lastNews = performance.now();
    for (const envelope of envelopes) {
      if (!('seq' in envelope)) {
        // A run's stream is the run's events alone, the same live and replayed.
        if (!this.following.run) this.later.set(`${envelope.type} ${envelope.documentId ?? ''}`, envelope);
        this.showLater();
      } else if (this.follows(envelope.runId) && this.tracks.isNext(envelope)) {
        if (this.isBlocked()) this.tracks.postpone(envelope.runId);
        else this.show(envelope);
      }
    }
    if (this.isBehind()) this.pump();
    else this.finishIfDone();
  }

  private onGap(): void {
    this.unsure = true;
    this.pump();
  }

  private pump(): void {
    if (!this.isActive() || this.pumping || this.troubled) return;
    this.pumping = true;
    void this.asFollower(() => this.catchUp());
  }

  private async catchUp(): Promise<void> {
    try {
      while (this.isActive() && this.isBehind()) {
        await this.following.sink.drained();
        if (!this.isActive()) break;
        if (this.unsure) await this.askPositions();
        else await this.readPage(this.tracks.firstLate());
      }
    } catch (error) {
      this.onTrouble(error);
    } finally {
      this.pumping = false;
    }
    this.finishIfDone();
    this.showLater();
  }

  private async askPositions(): Promise<void> {
    this.unsure = false;
    for (const position of await this.positions()) this.tracks.learn(position);
  }

  private async readPage(runId: string | undefined): Promise<void> {
    if (runId === undefined) return;
    const { limits, reads, follower } = this.context;
    const [after, known] = [this.tracks.shown(runId), this.tracks.known(runId)];
    const rows = await reads.read(`${this.following.room} ${runId} ${after} ${follower}`, () =>
      this.following.source.read(runId, after, limits.pageRows),
    );
    for (const row of rows) {
      if (!this.isActive() || this.isFull()) return;
      if (row.seq > this.tracks.shown(runId)) this.show(row);
    }
    const wasLastPage = rows.length < limits.pageRows || this.tracks.hasEnded(runId);
    // An event that came meanwhile may be later than what was read.
    const hasNews = this.tracks.known(runId) > Math.max(known, this.tracks.shown(runId));
    if (wasLastPage && !hasNews) this.tracks.caughtUp(runId);
  }

  private async positions(): Promise<RunPosition[]> {
    const { room, run, source } = this.following;
    const key = `${room} ${run?.runId ?? '*'} ${this.context.follower}`;
    const all = await this.context.reads.read(key, () => source.runs());
    const followed = all.filter((position) => this.follows(position.runId));
    if (run && followed.length === 0) this.finish('gone');
    return followed;
  }

  private show(envelope: Extract<Envelope, { seq: number }>): void {
    // Nothing follows a run's end.
    if (this.tracks.hasEnded(envelope.runId)) return;
    this.following.sink.write(envelope);
    this.tracks.markShown(envelope);
  }

  private showLater(): void {
    if (this.isBlocked()) return;
    for (const envelope of this.later.values()) this.following.sink.write(envelope);
    this.later.clear();
  }

  private follows(runId: string): boolean {
    return this.following.run === undefined || this.following.run.runId === runId;
  }

  private isActive(): boolean {
    return this.phase === 'begun';
  }

  private isBehind(): boolean {
    return this.unsure || this.tracks.isLate();
  }

  private isFull(): boolean {
    return this.following.sink.bufferedBytes() > this.context.limits.unsentBytes;
  }

  private isBlocked(): boolean {
    return !this.isActive() || this.pumping || this.isBehind() || this.isFull();
  }

  private onTrouble(error: unknown): void {
    if (error instanceof DomainError && [401, 403, 404].includes(error.status)) {
      this.finish('gone');
      return;
    }
    this.logger.warn({ err: error }, 'Events could not be read, will be tried again');
    this.unsure = true;
    this.troubled = true;
  }

  private closeIfStuck(now: number): boolean {
    const { sink } = this.following;
    const taken = sink.taken();
    if (sink.bufferedBytes() === 0 || taken !== this.taken) {
      this.taken = taken;
      this.lastMove = now;
    }
    if (now - this.lastMove < this.context.limits.stuckMs) return false;
    this.finish('stuck');
    sink.close('The client takes nothing');
    return true;
  }

  /** Not before the client has taken all of it: until then it may turn out to be stuck. */
  private finishIfDone(): void {
    const end = this.reachedEnd();
    if (end === null || this.ending) return;
    this.ending = true;
    void this.following.sink.drained().then(() => {
      this.ending = false;
      const stillEnd = this.reachedEnd();
      if (stillEnd) this.finish(stillEnd);
    });
  }

  private reachedEnd(): ReaderEnd | null {
    const { run } = this.following;
    if (!run || !this.isActive() || this.pumping || this.isBehind()) return null;
    if (this.tracks.hasEnded(run.runId)) return 'ended';
    return run.endOnWait && this.tracks.isWaiting(run.runId) ? 'waiting' : null;
  }

  private finish(end: ReaderEnd): void {
    if (this.phase === 'finished') return;
    this.phase = 'finished';
    this.leave();
    this.following.sink.closed.removeEventListener('abort', this.onClosed);
    this.resolveEnded(end);
  }
}
