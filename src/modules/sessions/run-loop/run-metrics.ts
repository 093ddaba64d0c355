import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import type { RunStatus } from '../runs/run.js';

/** What `/metrics` says about the runs of this process. */
@Injectable()
export class RunMetrics {
  private readonly held: Gauge;
  private readonly ended: Counter<'status'>;
  private readonly takenOver: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.held = new Gauge({ name: 'atrium_runs_held', help: 'Runs this process is working on', registers });
    this.ended = new Counter({
      name: 'atrium_runs_ended_total',
      help: 'Runs this process has ended',
      labelNames: ['status'],
      registers,
    });
    this.takenOver = new Counter({
      name: 'atrium_runs_taken_over_total',
      help: 'Runs this process took over from a worker that was lost',
      registers,
    });
  }

  /** Returns what to call when the run is let go of. */
  hold(takenOver: boolean): () => void {
    this.held.inc();
    if (takenOver) this.takenOver.inc();
    return () => this.held.dec();
  }

  end(status: RunStatus): void {
    this.ended.inc({ status });
  }
}
