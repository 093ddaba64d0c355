import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiExtraModels } from '@nestjs/swagger';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { RunsService } from '../runs/runs.service.js';
import { ToolContentInput, ToolResultDto, ToolResultTakenDto } from './client-tools.dto.js';
import { ClientTools } from './client-tools.service.js';

@Controller('runs')
@ApiExtraModels(ToolContentInput)
export class ClientToolsController {
  constructor(private readonly tools: ClientTools) {}

  /** What the session's application answers to a call of one of its tools; the run goes on. */
  @Post(':id/tool-results')
  @HttpCode(200)
  @Access({ can: 'messages:create' })
  @PathResource(RunsService, 'require')
  @Replay((controller: ClientToolsController, id) => controller.tools.taken(id))
  answer(@Id() runId: string, @Body() dto: ToolResultDto): Promise<ToolResultTakenDto> {
    return this.tools.answer(runId, dto);
  }
}
