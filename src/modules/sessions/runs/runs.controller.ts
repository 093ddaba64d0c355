import { Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { AnswersEvents } from '../../../platform/live/answers-events.decorator.js';
import { SessionsService } from '../sessions.service.js';
import { RunAnswers } from '../streams/run-answers.js';
import { ListRunsQuery, RunDto, RunPage } from './runs.dto.js';
import { RunsService } from './runs.service.js';

@Controller()
export class RunsController {
  constructor(
    private readonly runs: RunsService,
    private readonly answers: RunAnswers,
  ) {}

  @Get('sessions/:id/runs')
  @Access({ can: 'sessions:read' })
  @PathResource(SessionsService, 'require')
  list(@Id() sessionId: string, @Query() query: ListRunsQuery): Promise<RunPage> {
    return this.runs.list(sessionId, query);
  }

  @Get('runs/:id')
  @Access({ can: 'sessions:read' })
  @PathResource(RunsService, 'require')
  get(@Id() id: string): Promise<RunDto> {
    return this.runs.get(id);
  }

  @Post('runs/:id/cancel')
  @HttpCode(200)
  @Access({ can: 'messages:create' })
  @PathResource(RunsService, 'require')
  @Replay((controller: RunsController, id) => controller.get(id))
  cancel(@Id() id: string): Promise<RunDto> {
    return this.runs.cancel(id);
  }

  /** The run's events from the start, or after `Last-Event-ID`, and on until it ends. */
  @Get('runs/:id/events')
  @Access({ can: 'sessions:read' })
  @PathResource(RunsService, 'require')
  @ApiHeader({ name: 'Last-Event-ID', description: 'The `seq` seen last', schema: { type: 'integer', minimum: 0 } })
  @AnswersEvents()
  async events(@Id() id: string, @Req() request: Request, @Res() response: Response): Promise<void> {
    await this.answers.resume(await this.runs.require(id), request, response);
  }
}
