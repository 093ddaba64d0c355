import { Body, Controller, HttpCode, Post, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { AnswersEvents } from '../../../platform/live/answers-events.decorator.js';
import { AgentsService } from '../../agents/agents.service.js';
import { hasEnded, type Run } from '../runs/run.js';
import { RunsService } from '../runs/runs.service.js';
import { RunAnswers } from '../streams/run-answers.js';
import { AgentAnswerDto, AgentWaitsDto, ExecuteAgentDto } from './execute.dto.js';
import { ExecuteService } from './execute.service.js';

@Controller('agents')
@PathResource(AgentsService, 'require')
export class ExecuteController {
  constructor(
    private readonly executions: ExecuteService,
    private readonly answers: RunAnswers,
    private readonly runs: RunsService,
  ) {}

  /** Ask an agent and wait for its answer. */
  @Post(':id/execute')
  @Access({ can: 'agents:execute' })
  @ApiOkResponse({ type: AgentAnswerDto })
  @ApiAcceptedResponse({ type: AgentWaitsDto, description: 'The run goes on' })
  @Replay(
    async (controller: ExecuteController, runId, _request, response) =>
      controller.answer(await controller.runs.require(runId), response),
    { of: 'run' },
  )
  async execute(
    @Id() agentId: string,
    @Body() dto: ExecuteAgentDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AgentAnswerDto | AgentWaitsDto> {
    return this.answer(await this.executions.start(agentId, dto), response);
  }

  /** Ask an agent and read its answer as it is made. */
  @Post(':id/execute/stream')
  @HttpCode(200)
  @Access({ can: 'agents:execute' })
  @AnswersEvents()
  @Replay(
    async (controller: ExecuteController, runId, _request, response) =>
      controller.answers.stream(await controller.runs.require(runId), response, { endOnWait: true }),
    { of: 'run' },
  )
  async executeStream(@Id() agentId: string, @Body() dto: ExecuteAgentDto, @Res() response: Response): Promise<void> {
    await this.answers.stream(await this.executions.start(agentId, dto), response, { endOnWait: true });
  }

  private async answer(run: Run, response: Response): Promise<AgentAnswerDto | AgentWaitsDto> {
    const answer = await this.executions.answer(run);
    response.status(hasEnded(answer.run.status) ? 200 : 202);
    return answer;
  }
}
