import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiOkResponse, ApiProduces } from '@nestjs/swagger';
import type { Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { ExecuteTool } from './execute-tool.service.js';
import { ExecutedToolDto, ExecuteToolDto, ExecutionDto, ExecutionPage, ListExecutionsQuery } from './executions.dto.js';
import { ExecutionsService } from './executions.service.js';

@Controller('mcp')
export class ExecutionsController {
  constructor(
    private readonly executions: ExecutionsService,
    private readonly tools: ExecuteTool,
  ) {}

  /** Call a tool directly. An error of the tool's own is a result. */
  @Post('execute')
  @HttpCode(200)
  @Access({ can: 'mcp:execute' })
  @Replay(
    async (controller: ExecutionsController, id) => controller.tools.shown(await controller.executions.require(id)),
    { of: 'execution' },
  )
  execute(@Body() dto: ExecuteToolDto): Promise<ExecutedToolDto> {
    return this.tools.execute(dto);
  }

  /** Calls of tools, by runs and direct ones; of sessions that the caller may see. */
  @Get('executions')
  @Access({ can: 'mcp:read' })
  list(@Query() query: ListExecutionsQuery): Promise<ExecutionPage> {
    return this.executions.list(query);
  }

  @Get('executions/:id')
  @Access({ can: 'mcp:read' })
  @PathResource(ExecutionsService, 'require')
  get(@Id() id: string): Promise<ExecutionDto> {
    return this.executions.get(id);
  }

  /** The whole output, however long it is. */
  @Get('executions/:id/output')
  @Access({ can: 'mcp:read' })
  @PathResource(ExecutionsService, 'require')
  @ApiProduces('text/plain')
  @ApiOkResponse({ schema: { type: 'string' } })
  async output(@Id() id: string, @Res() response: Response): Promise<void> {
    const output = await this.executions.output(id);
    response.set({ 'X-Content-Type-Options': 'nosniff', 'Content-Disposition': 'attachment; filename="output.txt"' });
    response.type('text/plain; charset=utf-8').send(output);
  }
}
