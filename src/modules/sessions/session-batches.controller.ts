import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { ListBody } from '../../platform/http/list-body.decorator.js';
import { DeleteSessionsDto, MAX_SESSIONS, SessionsMadeDto } from './session-batches.dto.js';
import { SessionBatches } from './session-batches.service.js';
import { CreateSessionDto } from './sessions.dto.js';

@Controller('sessions')
export class SessionBatchesController {
  constructor(private readonly batches: SessionBatches) {}

  /** Make up to 100 sessions, or none of them. */
  @Post('bulk-create')
  @Access({ can: 'sessions:create' })
  @Replay((controller: SessionBatchesController, batchId) => controller.batches.get(batchId), { of: 'sessionBatch' })
  create(@ListBody(CreateSessionDto, MAX_SESSIONS) dtos: CreateSessionDto[]): Promise<SessionsMadeDto> {
    return this.batches.create(dtos);
  }

  /** Delete up to 100 sessions, or none of them. */
  @Post('bulk-delete')
  @HttpCode(204)
  @Access({ can: 'sessions:delete' })
  @ApiConflictResponse({ description: 'A run is on in one of them' })
  @Replay(() => undefined)
  remove(@Body() { ids }: DeleteSessionsDto): Promise<void> {
    return this.batches.remove(ids);
  }
}
