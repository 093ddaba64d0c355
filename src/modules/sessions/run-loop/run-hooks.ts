import { Injectable, Logger } from '@nestjs/common';
import { AccessDenied } from '../../../contracts/errors.js';
import { CallingHooks } from '../../hooks/calling-hooks.service.js';
import type { Run } from '../runs/run.js';
import { shownRun } from '../runs/runs.dto.js';
import type { RunHold } from './run-hold.js';
import { hasSteps, type RunState } from './run-state.js';

/** Tells the tenant's hooks of a run. */
@Injectable()
export class RunHooks {
  private readonly logger = new Logger('Runs');

  constructor(private readonly hooks: CallingHooks) {}

  /** Before the first step; once more for who takes the run over before there is one. @throws AccessDenied */
  async started(hold: RunHold, state: RunState): Promise<void> {
    if (hasSteps(state)) return;
    const reply = await this.hooks.run('run.started', shownRun(hold.run), hold.signal);
    if (reply.decision === 'deny') throw new AccessDenied(reply.reason);
  }

  /** Nobody waits for it: the run is over. */
  completed(run: Run): void {
    this.hooks.run('run.completed', shownRun(run)).catch((error: unknown) => {
      this.logger.warn({ err: error, runId: run.id }, 'The hooks could not be told of the end of a run');
    });
  }
}
