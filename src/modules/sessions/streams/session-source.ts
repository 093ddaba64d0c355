import { Injectable } from '@nestjs/common';
import { NotFound } from '../../../contracts/errors.js';
import type { RunEnvelope } from '../../../contracts/live-events.js';
import { Db } from '../../../platform/database/db.js';
import type { EventSource, RunPosition } from '../../../platform/live/event-source.js';
import { hasEnded, type Run } from '../runs/run.js';
import { RunEventsRepository } from '../runs/run-events.repository.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { SessionsRepository } from '../sessions.repository.js';

/** Stored run events as readers get them; each reading asks again whether the reader may still see the session. */
@Injectable()
export class SessionSources {
  constructor(
    private readonly runs: RunsRepository,
    private readonly events: RunEventsRepository,
    private readonly sessions: SessionsRepository,
    private readonly db: Db,
  ) {}

  ofRun(runId: string): EventSource {
    return {
      runs: async () => {
        const run = await this.runs.findVisible(runId);
        if (!run) throw new NotFound('Run');
        return [position(run)];
      },
      read: this.read.bind(this),
    };
  }

  /** All runs of a session; `replayed` is among them also when it ended long ago. */
  ofSession(sessionId: string, replayed: string | null): EventSource {
    return { runs: () => this.positions(sessionId, replayed), read: this.read.bind(this) };
  }

  private async positions(sessionId: string, replayed: string | null): Promise<RunPosition[]> {
    return this.db.run(async () => {
      if (!(await this.sessions.findVisible(sessionId))) throw new NotFound('Session');
      const runs = await this.runs.openOrLast(sessionId);
      if (replayed && !runs.some((run) => run.id === replayed)) {
        const run = await this.runs.findVisible(replayed);
        if (run) runs.push(run);
      }
      return runs.map(position);
    });
  }

  private read(runId: string, afterSeq: number, limit: number): Promise<RunEnvelope[]> {
    return this.events.after(runId, afterSeq, limit);
  }
}

function position({ id, lastSeq, status }: Pick<Run, 'id' | 'lastSeq' | 'status'>): RunPosition {
  return { runId: id, lastSeq, ended: hasEnded(status) };
}
