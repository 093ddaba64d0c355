import { Injectable } from '@nestjs/common';
import { ToolExecutor } from '../../tools/tool-executor.service.js';
import { shownText } from '../executions/execution.js';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import type { PermissionRequest } from '../permissions/permission.js';
import { decidedEvent, isFromOutside, resultEvent, type EventOfCall } from '../waits/answer-events.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { isOpen, type RunState } from './run-state.js';
import { RunStepsRepository, type RunToolCall } from './run-steps.repository.js';

const NEVER_ANSWERED = { status: 'cancelled', told: true, isError: null, output: null, truncated: false, files: null };

/** Tells of answers that came while a run was held: only its holder writes its events. */
@Injectable()
export class ToldAnswers {
  constructor(
    private readonly journal: RunJournal,
    private readonly steps: RunStepsRepository,
    private readonly permissions: PermissionsRepository,
    private readonly executor: ToolExecutor,
  ) {}

  /** Of this hold, or of one before it. */
  async tell(hold: RunHold, { calls }: RunState): Promise<void> {
    const untold = calls.filter(({ told }) => !told);
    if (untold.length === 0) return;
    for (const call of untold) await this.showHooks(hold, call);
    const permissions = await this.permissionsOf(untold);
    const eventsOf = (call: RunToolCall) => untoldOf(call, permissions.get(call.id));
    await this.journal.write(hold, { events: untold.flatMap(eventsOf), work: () => this.steps.markTold(untold) });
    for (const call of untold) call.told = true;
  }

  /**
   * What there is to tell of calls when the run ends, in the transaction that ends it and holds the session: answers as they
   * are stored, and what people were asked and have no more to say to. `state` has the calls as they are by then.
   */
  async atEnd({ run }: RunHold, state: RunState): Promise<EventOfCall[]> {
    if (!state.calls.some(({ status, told }) => status === 'waiting' || !told)) return [];
    state.calls = await this.steps.toolCalls(run.id);
    const permissions = await this.permissionsOf(state.calls);
    for (const call of state.calls) if (await this.isKept(call)) Object.assign(call, NEVER_ANSWERED);
    return state.calls.flatMap((call) => {
      const permission = permissions.get(call.id);
      if (permission?.status === 'pending') return [decidedEvent({ ...permission, status: 'cancelled' })];
      return call.told ? [] : untoldOf(call, permission);
    });
  }

  /** Hooks have not been asked what may be shown of it, and nobody asks them any more. */
  private async isKept(call: RunToolCall): Promise<boolean> {
    return !call.told && !isOpen(call) && isFromOutside(call) && (await this.executor.hasHooksAfter(call.name));
  }

  private async permissionsOf(calls: readonly RunToolCall[]): Promise<Map<string, PermissionRequest>> {
    const asked = await this.permissions.ofCalls(calls.map(({ id }) => id));
    return new Map(asked.map((permission) => [permission.toolCallId, permission]));
  }

  /** As after any other call, before anybody else sees what it came to. */
  private async showHooks({ run }: RunHold, call: RunToolCall): Promise<void> {
    const { id: executionId, name: tool, input, output, isError } = call;
    if (isOpen(call) || !isFromOutside(call)) return;
    const hooked = { executionId, runId: run.id, sessionId: run.sessionId, tool, input };
    const why = await this.executor.keptBack(hooked, { isError: isError ?? false, output: output ?? '' });
    if (why !== null) Object.assign(call, { status: 'failed', files: null, ...shownText(why, true) });
  }
}

/** What it was permitted for was told before, if somebody else carries it out. */
function untoldOf(call: RunToolCall, permission: PermissionRequest | undefined): EventOfCall[] {
  const decided = permission && !isFromOutside(call) ? [decidedEvent(permission)] : [];
  return [...decided, ...(isOpen(call) ? [] : [resultEvent(call)])];
}
