import { Body, Controller, Get, HttpCode, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { AsksProviders } from '../../platform/http/asks-providers.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { AnswerDto, AskDto, ListQueriesQuery, QueryDto, QueryPage } from './answers.dto.js';
import { AnswerWays } from './answer-ways.js';
import { QueriesService } from './queries.service.js';

@Controller('rag')
export class AnswersController {
  constructor(
    private readonly ways: AnswerWays,
    private readonly queries: QueriesService,
  ) {}

  /** Have a question answered from documents, with citations; with `stream` as Server-Sent Events. */
  @Post('query')
  @AsksProviders()
  @HttpCode(200)
  @Access({ can: 'rag:read' })
  @ApiOkResponse({
    description:
      'The answer; with `stream` events `answer.delta`, `answer.discarded`, `query.completed`, `query.failed`',
    content: {
      'application/json': { schema: { $ref: getSchemaPath(AnswerDto) } },
      'text/event-stream': { schema: { type: 'string' } },
    },
  })
  @ApiExtraModels(AnswerDto)
  @Replay(
    (controller: AnswersController, id, request: Request<object, object, AskDto>, response) =>
      controller.ways.again(id, request, response),
    { of: 'query' },
  )
  query(
    @Body() dto: AskDto,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<AnswerDto | undefined> {
    return this.ways.answer(dto, request, response);
  }

  /** One's own questions; owners and admins see those of others too, as far as they may read what was asked of. */
  @Get('queries')
  @Access({ can: 'rag:read' })
  list(@Query() query: ListQueriesQuery): Promise<QueryPage> {
    return this.queries.list(query);
  }

  @Get('queries/:id')
  @Access({ can: 'rag:read' })
  @PathResource(QueriesService, 'get')
  get(@Id() id: string): Promise<QueryDto> {
    return this.queries.get(id);
  }
}
