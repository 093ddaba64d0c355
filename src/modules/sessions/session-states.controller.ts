import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { SessionStates } from './session-states.service.js';
import { SessionDto } from './sessions.dto.js';
import { SessionsService } from './sessions.service.js';

const again = (controller: SessionStatesController, id: string): Promise<SessionDto> => controller.sessions.get(id);

@Controller('sessions/:id')
@PathResource(SessionsService, 'require')
export class SessionStatesController {
  constructor(
    readonly sessions: SessionsService,
    private readonly states: SessionStates,
  ) {}

  /** No further messages; the run under way finishes its step and waits. */
  @Post('pause')
  @HttpCode(200)
  @Access({ can: 'sessions:update' })
  @ApiConflictResponse({ description: 'The session is not in a state to be paused' })
  @Replay(again)
  pause(@Id() id: string): Promise<SessionDto> {
    return this.states.pause(id);
  }

  /** Takes messages again; a run that waits since the pause goes on. */
  @Post('resume')
  @HttpCode(200)
  @Access({ can: 'sessions:update' })
  @ApiConflictResponse({ description: 'The session is neither paused, completed nor archived' })
  @Replay(again)
  resume(@Id() id: string): Promise<SessionDto> {
    return this.states.resume(id);
  }

  /** The conversation is over. */
  @Post('complete')
  @HttpCode(200)
  @Access({ can: 'sessions:update' })
  @ApiConflictResponse({ description: 'A run is on, or the session is closed already' })
  @Replay(again)
  complete(@Id() id: string): Promise<SessionDto> {
    return this.states.complete(id);
  }

  /** The conversation is put away. */
  @Post('archive')
  @HttpCode(200)
  @Access({ can: 'sessions:update' })
  @ApiConflictResponse({ description: 'A run is on, or the session is archived already' })
  @Replay(again)
  archive(@Id() id: string): Promise<SessionDto> {
    return this.states.archive(id);
  }

  /** Cancels the run under way, if there is one, and those in line behind it. */
  @Post('interrupt')
  @HttpCode(200)
  @Access({ can: 'messages:create' })
  @Replay(again, { of: 'session' })
  interrupt(@Id() id: string): Promise<SessionDto> {
    return this.states.interrupt(id);
  }
}
