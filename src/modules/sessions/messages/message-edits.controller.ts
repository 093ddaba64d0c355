import { Body, Controller, Delete, HttpCode, Patch, Post, Put, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiBody, ApiConflictResponse, ApiCreatedResponse } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { AnswersEvents } from '../../../platform/live/answers-events.decorator.js';
import { RunsService } from '../runs/runs.service.js';
import { assertOneWay } from '../streams/answer-way.js';
import { RunAnswers } from '../streams/run-answers.js';
import { RateMessageDto, RegenerateDto, UpdateMessageDto } from './message-edits.dto.js';
import { MessageEdits } from './message-edits.service.js';
import { MessageDto, MessageSentDto } from './messages.dto.js';
import { MessagesService } from './messages.service.js';
import { RegenerateService } from './regenerate.service.js';

@Controller('messages/:id')
@PathResource(MessagesService, 'get')
export class MessageEditsController {
  constructor(
    private readonly edits: MessageEdits,
    private readonly regeneration: RegenerateService,
    private readonly answers: RunAnswers,
    private readonly runs: RunsService,
  ) {}

  /** The text of a user's message, the metadata of any. */
  @Patch()
  @Access({ can: 'messages:update' })
  @ApiConflictResponse({ description: 'A run is on, and the text was to change' })
  update(@Id() id: string, @Body() dto: UpdateMessageDto): Promise<MessageDto> {
    return this.edits.update(id, dto);
  }

  @Delete()
  @HttpCode(204)
  @Access({ can: 'messages:delete' })
  @ApiConflictResponse({ description: 'A run is on' })
  remove(@Id() id: string): Promise<void> {
    return this.edits.remove(id);
  }

  /** What you think of an answer; again replaces it. */
  @Put('feedback')
  @Access({ can: 'messages:update' })
  @ApiConflictResponse({ description: "It is not an assistant's message" })
  rate(@Id() id: string, @Body() dto: RateMessageDto): Promise<MessageDto> {
    return this.edits.rate(id, dto);
  }

  /**
   * Have a user's message answered again: of an answer, the message before it. What came after it is deleted. Answers as
   * sending a message does.
   */
  @Post('regenerate')
  @Access({ can: 'messages:create' })
  @ApiBody({ type: RegenerateDto, required: false })
  @ApiCreatedResponse({ type: MessageSentDto })
  @ApiAcceptedResponse({ type: MessageSentDto, description: 'The run goes on' })
  @AnswersEvents()
  @Replay(
    async (
      controller: MessageEditsController,
      runId,
      request: Request<object, object, RegenerateDto | null>,
      response,
    ) => controller.answers.as(request.body ?? {}, await controller.runs.require(runId), response),
    { of: 'run' },
  )
  async regenerate(
    @Id() id: string,
    @Body() dto: RegenerateDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<MessageSentDto | undefined> {
    assertOneWay(dto);
    return this.answers.as(dto, await this.regeneration.start(id, dto), response);
  }
}
