import { Injectable } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { ToolExecutor } from '../../tools/tool-executor.service.js';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import { hasEnded, type Run } from '../runs/run.js';
import { SessionsRepository } from '../sessions.repository.js';
import { answerEvents, isFromOutside } from './answer-events.js';
import { RunStanding } from './run-standing.service.js';
import { WaitingCallsRepository, type CallAnswer, type WaitingCall } from './waiting-calls.repository.js';

/** Somebody's word about the permission that a call waits for. */
export interface PermissionWord {
  status: 'allowed' | 'denied' | 'expired';
  decidedBy: string | null;
  reason: string | null;
}

/**
 * Gives calls what they wait for, whoever it comes from. A run that waits is told of it here and goes on once nothing
 * is waited for; one that is held is told by its holder, who finds the answer before it would wait.
 */
@Injectable()
export class CallAnswers {
  constructor(
    private readonly calls: WaitingCallsRepository,
    private readonly permissions: PermissionsRepository,
    private readonly sessions: SessionsRepository,
    private readonly standing: RunStanding,
    private readonly executor: ToolExecutor,
  ) {}

  /**
   * In the open transaction. `word`: what settles the call's permission.
   * @throws Conflict when the call does not wait any more, or its run is to be cancelled
   */
  async answer(call: WaitingCall, answer: CallAnswer, word: PermissionWord | null): Promise<Run> {
    await this.sessions.lock(call.sessionId);
    const run = await this.calls.lockRun(call.runId);
    if (!run || hasEnded(run.status) || run.cancelRequestedAt) throw new Conflict('The run has ended, or is about to');
    // Hooks are asked outside of this transaction, by whoever holds the run next; until then nothing is told.
    const isTold = !run.isHeld && !(await this.isForHooks(call, answer));
    if (!(await this.calls.answer(call.id, answer, isTold))) throw new Conflict('It was answered already');
    const permission = word && (await this.permissions.settle(call.id, word));
    await this.calls.record(call, run, answer);
    if (run.isHeld) return run;
    return this.standing.move(run, isTold ? answerEvents(call, answer, permission) : []);
  }

  private async isForHooks(call: WaitingCall, { status }: CallAnswer): Promise<boolean> {
    return status !== 'pending' && isFromOutside(call) && (await this.executor.hasHooksAfter(call.name));
  }
}
