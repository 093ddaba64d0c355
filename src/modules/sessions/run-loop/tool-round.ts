import { Injectable } from '@nestjs/common';
import { ToolExecutor } from '../../tools/tool-executor.service.js';
import type { ToolResult } from '../../tools/tool.js';
import type { RunHold } from './run-hold.js';
import { RunJournal } from './run-journal.js';
import { RunStepsRepository, type RunToolCall } from './run-steps.repository.js';

/** Carries out the calls of one model turn, side by side; each result is stored before the next step. */
@Injectable()
export class ToolRound {
  constructor(
    private readonly executor: ToolExecutor,
    private readonly journal: RunJournal,
    private readonly steps: RunStepsRepository,
  ) {}

  /** `resumed`: another holder began these calls, so they may have had their effect already. */
  async run(hold: RunHold, calls: RunToolCall[], offered: ReadonlySet<string>, resumed: boolean): Promise<void> {
    const outcomes = await Promise.allSettled(calls.map((call) => this.carryOut(hold, call, offered, resumed)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async carryOut(
    hold: RunHold,
    call: RunToolCall,
    offered: ReadonlySet<string>,
    resumed: boolean,
  ): Promise<void> {
    const begun = performance.now();
    const { isError, output } =
      resumed && !this.executor.isIdempotent(call.name) ? unknownOutcome() : await this.execute(hold, call, offered);
    Object.assign(call, { status: isError ? 'failed' : 'completed', isError, output });
    call.durationMs = Math.round(performance.now() - begun);
    const { toolUseId, name, durationMs } = call;
    await this.journal.write(hold, {
      events: [{ type: 'tool.result', data: { toolUseId, name, isError, output, durationMs } }],
      work: () => this.steps.finishToolCall(call),
    });
  }

  private execute(hold: RunHold, call: RunToolCall, offered: ReadonlySet<string>): Promise<ToolResult> {
    const { name, input } = call;
    return this.executor.execute({ name, input, signal: hold.signal, offered, policies: hold.run.pinned.policies });
  }
}

function unknownOutcome(): ToolResult {
  return {
    isError: true,
    output: 'unknown outcome: the call was interrupted and may or may not have taken effect; it was not repeated',
  };
}
