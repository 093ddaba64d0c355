import { RUN_ENDS, type RunEnvelope } from '../../contracts/live-events.js';
import type { RunPosition } from './event-source.js';

/** How far one run has been shown to one reader. */
interface Track {
  shown: number;
  /** The highest `seq` known to exist. */
  known: number;
  ended: boolean;
  /** The event shown last says that the run waits. */
  waiting: boolean;
}

/** How far each run has been shown to one reader, and which of them have rows that it has not seen. */
export class RunTracks {
  private readonly tracks = new Map<string, Track>();
  private readonly late = new Set<string>();

  /** Any run that has to be caught up with. */
  firstLate(): string | undefined {
    return this.late.values().next().value;
  }

  isLate(): boolean {
    return this.late.size > 0;
  }

  shown(runId: string): number {
    return this.track(runId).shown;
  }

  known(runId: string): number {
    return this.track(runId).known;
  }

  hasEnded(runId: string): boolean {
    return this.track(runId).ended;
  }

  isWaiting(runId: string): boolean {
    return this.track(runId).waiting;
  }

  /** The reader starts after `afterSeq` of this run; claiming to have seen more than there is counts as all of it. */
  start(position: RunPosition, afterSeq: number): void {
    this.track(position.runId).shown = Math.min(afterSeq, position.lastSeq);
    this.learn(position);
  }

  /** What the rows say; a run not heard of before is shown from its first event. */
  learn({ runId, lastSeq, ended }: RunPosition): void {
    const track = this.track(runId);
    track.known = Math.max(track.known, lastSeq);
    if (track.known > track.shown) this.late.add(runId);
    else track.ended ||= ended;
  }

  /** True when the event is the next to be shown; a duplicate is forgotten, one after a hole makes its run late. */
  isNext({ runId, seq }: RunEnvelope): boolean {
    const track = this.track(runId);
    if (seq <= track.shown) return false;
    track.known = Math.max(track.known, seq);
    if (seq === track.shown + 1 && !this.late.has(runId)) return true;
    this.late.add(runId);
    return false;
  }

  /** An event that can't be shown now: its row will be read. */
  postpone(runId: string): void {
    this.late.add(runId);
  }

  markShown({ runId, seq, type }: RunEnvelope): void {
    const track = this.track(runId);
    track.shown = seq;
    track.known = Math.max(track.known, seq);
    track.ended = RUN_ENDS.has(type);
    track.waiting = type === 'run.waiting';
  }

  /** All rows up to `known` were asked for: what is not among them does not exist. */
  caughtUp(runId: string): void {
    const track = this.track(runId);
    track.known = track.shown;
    this.late.delete(runId);
  }

  private track(runId: string): Track {
    let track = this.tracks.get(runId);
    if (!track) {
      track = { shown: 0, known: 0, ended: false, waiting: false };
      this.tracks.set(runId, track);
    }
    return track;
  }
}
