import { Injectable } from '@nestjs/common';
import { ToolExecutor } from '../../tools/tool-executor.service.js';
import { outputText } from '../../tools/tool-output.js';
import type { OfferedTool } from '../../tools/tool.js';
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
  async run(
    hold: RunHold,
    calls: RunToolCall[],
    tools: ReadonlyMap<string, OfferedTool>,
    resumed: boolean,
  ): Promise<void> {
    const outcomes = await Promise.allSettled(calls.map((call) => this.carryOut(hold, call, tools, resumed)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  private async carryOut(
    hold: RunHold,
    call: RunToolCall,
    tools: ReadonlyMap<string, OfferedTool>,
    resumed: boolean,
  ): Promise<void> {
    const begun = performance.now();
    const { isError, output } =
      resumed && !tools.get(call.name)?.definition.idempotent
        ? unknownOutcome()
        : await this.execute(hold, call, tools);
    Object.assign(call, { status: isError ? 'failed' : 'completed', isError, output });
    call.durationMs = Math.round(performance.now() - begun);
    const { toolUseId, name, durationMs } = call;
    await this.journal.write(hold, {
      events: [{ type: 'tool.result', data: { toolUseId, name, isError, output, durationMs } }],
      work: () => this.steps.finishToolCall(call),
    });
  }

  private async execute(
    hold: RunHold,
    { id: executionId, toolUseId, name, input }: RunToolCall,
    tools: ReadonlyMap<string, OfferedTool>,
  ): Promise<{ isError: boolean; output: string }> {
    const { id: runId, sessionId, pinned } = hold.run;
    const execution = await this.executor.execute({
      ...{ executionId, sessionId, runId, toolUseId, name, input, tools },
      ...{ signal: hold.signal, policies: pinned.policies, consent: null },
    });
    if (execution.status !== 'done')
      return { isError: true, output: `The tool ${name} needs a person's permission, and nobody can be asked` };
    return { isError: execution.result.isError, output: outputText(execution.result) };
  }
}

function unknownOutcome(): { isError: boolean; output: string } {
  return {
    isError: true,
    output: 'unknown outcome: the call was interrupted and may or may not have taken effect; it was not repeated',
  };
}
