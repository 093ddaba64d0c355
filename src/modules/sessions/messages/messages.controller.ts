import { Body, Controller, Get, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { AnswersEvents } from '../../../platform/live/answers-events.decorator.js';
import { RunsService } from '../runs/runs.service.js';
import { SessionsService } from '../sessions.service.js';
import { assertOneWay } from '../streams/answer-way.js';
import { RunAnswers } from '../streams/run-answers.js';
import { ListMessagesQuery, MessageDto, MessagePage, MessageSentDto, SendMessageDto } from './messages.dto.js';
import { MessagesService } from './messages.service.js';
import { SendMessageService } from './send-message.service.js';

@Controller()
export class MessagesController {
  constructor(
    private readonly messages: MessagesService,
    private readonly sending: SendMessageService,
    private readonly answers: RunAnswers,
    private readonly runs: RunsService,
  ) {}

  /**
   * Send a message. Waits for the answer; with `stream` the answer is Server-Sent Events, with `background` it is the
   * run alone.
   */
  @Post('sessions/:id/messages')
  @Access({ can: 'messages:create' })
  @PathResource(SessionsService, 'require')
  @ApiCreatedResponse({ type: MessageSentDto })
  @ApiAcceptedResponse({
    type: MessageSentDto,
    description: 'The run goes on: sent in the background, or longer than WAIT_MAX_MS',
  })
  @AnswersEvents()
  @Replay(
    async (controller: MessagesController, runId, request: Request<object, object, SendMessageDto>, response) =>
      controller.answers.as(request.body, await controller.runs.require(runId), response),
    { of: 'run' },
  )
  async send(
    @Id() sessionId: string,
    @Body() dto: SendMessageDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MessageSentDto | undefined> {
    assertOneWay(dto);
    return this.answers.as(dto, await this.sending.send(sessionId, dto, 'message'), response);
  }

  @Get('sessions/:id/messages')
  @Access({ can: 'messages:read' })
  @PathResource(SessionsService, 'require')
  list(@Id() sessionId: string, @Query() query: ListMessagesQuery): Promise<MessagePage> {
    return this.messages.list(sessionId, query);
  }

  @Get('messages/:id')
  @Access({ can: 'messages:read' })
  @PathResource(MessagesService, 'get')
  get(@Id() id: string): Promise<MessageDto> {
    return this.messages.get(id);
  }
}
