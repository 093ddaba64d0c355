import { Injectable } from '@nestjs/common';
import { Events } from '../../../platform/events/events.js';
import type { Run } from './run.js';

/** Tells the run that an agent's run is for how that one stands. */
@Injectable()
export class ParentNews {
  constructor(private readonly events: Events) {}

  /** In the open transaction; of a run that is for no other nothing is told. */
  async tell(
    { id, sessionId, trigger }: Pick<Run, 'id' | 'sessionId' | 'trigger'>,
    turn: 'waiting' | 'resumed' | 'ended',
  ): Promise<void> {
    if (trigger !== 'agent') return;
    await this.events.publish(`agentRun.${turn}`, {
      ...{ resourceType: 'run', resourceId: id },
      payload: { runId: id, sessionId },
    });
  }
}
