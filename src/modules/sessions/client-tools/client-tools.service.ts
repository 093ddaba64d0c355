import { Injectable } from '@nestjs/common';
import { Conflict, ValidationFailed } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { shownText } from '../executions/execution.js';
import { MessageFiles } from '../files/message-files.service.js';
import { isFile, type StoredBlock } from '../messages/message.js';
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
    private readonly files: MessageFiles,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, ValidationFailed for a call or a file that there is not, Conflict when it is over */
  async answer(runId: string, { toolUseId, content, isError = false }: ToolResultDto): Promise<ToolResultTakenDto> {
    return this.db.run(async () => {
      const { sessionId, model } = await this.runs.require(runId);
      const taken = await this.files.take({ content });
      const call = await this.calls.ofToolUse(runId, toolUseId);
      if (call?.waitsFor !== 'client')
        throw ValidationFailed.of('toolUseId', 'There is no such call of a client tool in this run', toolUseId);
      if (call.status !== 'waiting') throw new Conflict(`The call is over: it is ${call.status}`);
      this.files.requireRoom(taken, model);
      const shown = shownText(taken.blocks.map(textOfBlock).join('\n'), isError);
      const given = { ...shown, status: isError ? 'failed' : 'completed', files: filesOf(taken.blocks) } as const;
      const run = await this.answers.answer(call, { ...given, decision: null, decidedBy: null }, null);
      await this.files.use(sessionId, taken);
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

/** What events and records show; a file is named. */
function textOfBlock(block: StoredBlock): string {
  if (block.type === 'text') return block.text;
  return isFile(block) ? `[${block.type} ${block.name}]` : '';
}

function filesOf(blocks: readonly StoredBlock[]) {
  const files = blocks.filter(isFile);
  return files.length > 0 ? files : null;
}
