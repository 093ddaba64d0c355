import { Injectable } from '@nestjs/common';
import { ToolExecutor } from '../../tools/tool-executor.service.js';
import { shownText } from '../executions/execution.js';
import { PermissionsRepository } from '../permissions/permissions.repository.js';
import { shownPermission } from '../permissions/permissions.dto.js';
import { isFromOutside, resultEvent } from '../waits/answer-events.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { isOpen, type RunState } from './run-state.js';
import { RunStepsRepository, type RunToolCall } from './run-steps.repository.js';

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
    const ids = untold.map(({ id }) => id);
    const permissions = new Map((await this.permissions.ofCalls(ids)).map((asked) => [asked.toolCallId, asked]));
    const eventsOf = (call: RunToolCall) => {
      const permission = permissions.get(call.id);
      const decided = permission
        ? [{ type: 'permission.decided' as const, data: { permission: shownPermission(permission) } }]
        : [];
      return [...decided, ...(isOpen(call) ? [] : [resultEvent(call)])];
    };
    await this.journal.write(hold, { events: untold.flatMap(eventsOf), work: () => this.steps.markTold(untold) });
    for (const call of untold) call.told = true;
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
