import { Injectable } from '@nestjs/common';
import { Conflict, ValidationFailed } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { shownText } from '../executions/execution.js';
import { shownRun } from '../runs/runs.dto.js';
import { RunsService } from '../runs/runs.service.js';
import { CallAnswers } from '../waits/call-answers.service.js';
import { WaitingCallsRepository } from '../waits/waiting-calls.repository.js';
import type { ToolResultDto, ToolResultTakenDto } from './client-tools.dto.js';

/** Takes what applications answer to the calls of their tools. */
@Injectable()
export class ClientTools {
  constructor(
    private readonly runs: RunsService,
    private readonly calls: WaitingCallsRepository,
    private readonly answers: CallAnswers,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, ValidationFailed for a call that there is not, Conflict when it is over */
  async answer(runId: string, { toolUseId, content, isError = false }: ToolResultDto): Promise<ToolResultTakenDto> {
    return this.db.run(async () => {
      const { sessionId } = await this.runs.require(runId);
      const call = await this.calls.ofToolUse(runId, toolUseId);
      if (call?.waitsFor !== 'client')
        throw ValidationFailed.of('toolUseId', 'There is no such call of a client tool in this run', toolUseId);
      if (call.status !== 'waiting') throw new Conflict(`The call is over: it is ${call.status}`);
      const shown = shownText(content.map(({ text }) => text).join('\n'), isError);
      const status = isError ? 'failed' : 'completed';
      const run = await this.answers.answer(call, { status, decision: null, decidedBy: null, ...shown }, null);
      await this.events.publish('run.toolResultGiven', {
        ...{ resourceType: 'run', resourceId: runId },
        payload: { sessionId, tool: call.name },
      });
      return { run: shownRun(run) };
    });
  }

  /** As the run is now. @throws NotFound */
  async taken(runId: string): Promise<ToolResultTakenDto> {
    return { run: await this.runs.get(runId) };
  }
}
