import { Injectable } from '@nestjs/common';
import { Conflict, NotFound } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { ExecuteRunProcessor } from '../run-loop/execute-run.processor.js';
import { SessionsService } from '../sessions.service.js';
import { RunWaits } from '../streams/run-waits.js';
import { hasEnded, type Run } from './run.js';
import { RunCancels } from './run-cancels.js';
import { shownRun, type ListRunsQuery, type RunDto, type RunPage } from './runs.dto.js';
import { RunsRepository } from './runs.repository.js';

/** The holder needs a moment to stop; after this the caller is told how far it is. */
const CANCEL_WAIT_MS = 5_000;

@Injectable()
export class RunsService {
  constructor(
    private readonly runs: RunsRepository,
    private readonly sessions: SessionsService,
    private readonly waits: RunWaits,
    private readonly cancels: RunCancels,
    private readonly processor: ExecuteRunProcessor,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  async get(id: string): Promise<RunDto> {
    return shownRun(await this.require(id));
  }

  /** @throws NotFound */
  async require(id: string): Promise<Run> {
    const run = await this.runs.findVisible(id);
    if (!run) throw new NotFound('Run');
    return run;
  }

  async list(sessionId: string, query: ListRunsQuery): Promise<RunPage> {
    const before = this.cursors.id(query.cursor);
    const rows = await this.db.run(async () => {
      await this.sessions.require(sessionId);
      return this.runs.ofSession(sessionId, { status: query.status, before, limit: query.limit + 1 });
    });
    return this.cursors.page(rows, query.limit, shownRun);
  }

  /** Asks the run's holder to stop; a run that nobody holds is ended here. @throws NotFound, Conflict when it has ended */
  async cancel(id: string): Promise<RunDto> {
    const asked = await this.db.run(async () => {
      const before = await this.require(id);
      const on = await this.cancels.ask([id]);
      if (on.length > 0) return on;
      // Whose turn has not come may get it at any moment, but while its session is held.
      await this.sessions.requireLocked(before.sessionId);
      const inLine = await this.cancels.request([id]);
      if (inLine.length === 0) throw new Conflict(`The run has ended: it is ${before.status}`);
      return inLine;
    });
    await this.untilEnded(asked);
    return this.get(id);
  }

  /** Cancels all that have not ended in a session, at once, so that none of them begins meanwhile. @throws NotFound */
  async cancelAll(sessionId: string): Promise<void> {
    const asked = await this.db.run(async () => {
      await this.sessions.requireLocked(sessionId);
      return this.cancels.request(await this.runs.openOf(sessionId));
    });
    await this.untilEnded(asked);
  }

  private async untilEnded(runs: readonly Run[]): Promise<void> {
    const { tenantId } = currentTenantActor();
    const left = runs.filter(({ status }) => !hasEnded(status));
    await Promise.all(
      left.map(async ({ id }) => {
        // Not by the queue: all workers may be busy for long. Whoever holds the run keeps it.
        await this.processor.process({ tenantId, runId: id }, { signal: new AbortController().signal });
        await this.waits.ended(await this.require(id), CANCEL_WAIT_MS);
      }),
    );
  }
}
