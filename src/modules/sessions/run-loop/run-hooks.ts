import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AccessDenied } from '../../../contracts/errors.js';
import { EventConsumers } from '../../../platform/events/event-consumers.js';
import { CallingHooks } from '../../hooks/calling-hooks.service.js';
import { TellingHooks } from '../../hooks/telling-hooks.service.js';
import { shownRun } from '../runs/runs.dto.js';
import { RunsRepository } from '../runs/runs.repository.js';
import type { RunHold } from './run-hold.js';
import { hasSteps, type RunState } from './run-state.js';

/** Tells the tenant's hooks of a run. */
@Injectable()
export class RunHooks implements OnModuleInit {
  constructor(
    private readonly calling: CallingHooks,
    private readonly telling: TellingHooks,
    private readonly consumers: EventConsumers,
    private readonly runs: RunsRepository,
  ) {}

  /** Nobody waits for those that are told of the end: the run is over. */
  onModuleInit(): void {
    const actions = ['hook.runCompleted'] as const;
    this.consumers.on(
      'hooks',
      actions,
      async (event) => {
        const run = await this.runs.findVisible(event.payload.runId);
        if (run) await this.telling.tell(event, shownRun(run));
      },
      'outside',
    );
  }

  /** Before the first step; once more for who takes the run over before there is one. @throws AccessDenied */
  async started(hold: RunHold, state: RunState): Promise<void> {
    if (hasSteps(state)) return;
    const reply = await this.calling.runStarted(shownRun(hold.run), hold.signal);
    if (reply.decision === 'deny') throw new AccessDenied(reply.reason);
  }
}
