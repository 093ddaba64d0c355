import { Body, Controller, Post } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { SessionDto } from '../sessions.dto.js';
import { SessionsService } from '../sessions.service.js';
import { ForkSessionDto } from './forks.dto.js';
import { ForksService } from './forks.service.js';

@Controller('sessions/:id/fork')
@PathResource(SessionsService, 'require')
export class ForksController {
  constructor(
    private readonly forks: ForksService,
    private readonly sessions: SessionsService,
  ) {}

  /** A new session with the history up to and including a message; both go on apart. */
  @Post()
  @Access({ can: 'sessions:create' })
  @ApiBody({ type: ForkSessionDto, required: false })
  @Replay((controller: ForksController, id) => controller.sessions.get(id))
  create(@Id() id: string, @Body() dto: ForkSessionDto): Promise<SessionDto> {
    return this.forks.fork(id, dto);
  }
}
