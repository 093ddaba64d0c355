import { Injectable } from '@nestjs/common';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Live } from '../../../platform/live/live.js';
import type { Run } from './run.js';
import { RunsRepository } from './runs.repository.js';

/** Asks runs to end: their rows say so, and whoever holds one is told. */
@Injectable()
export class RunCancels {
  constructor(
    private readonly runs: RunsRepository,
    private readonly events: Events,
    private readonly live: Live,
    private readonly db: Db,
  ) {}

  /** In the open transaction, so that of several none goes on because another ends. Returns those that had not ended. */
  async request(runIds: readonly string[]): Promise<Run[]> {
    const asked: Run[] = [];
    for (const runId of runIds) {
      const run = await this.runs.requestCancel(runId);
      if (!run) continue;
      asked.push(run);
      await this.events.publish('run.cancelRequested', {
        resourceType: 'run',
        resourceId: runId,
        payload: { sessionId: run.sessionId },
      });
      this.db.afterCommit(() => this.live.signal('run.cancel', { runId }));
    }
    return asked;
  }
}
