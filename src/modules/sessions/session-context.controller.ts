import { Controller, Patch } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { ObjectBody } from '../../platform/http/object-body.decorator.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { SessionContexts } from './session-context.service.js';
import { SessionDto } from './sessions.dto.js';
import { SessionsService } from './sessions.service.js';

@Controller('sessions/:id/context')
@PathResource(SessionsService, 'require')
export class SessionContextController {
  constructor(private readonly contexts: SessionContexts) {}

  /** JSON merge patch (RFC 7396) of the state of the application, which may be 64 KiB of JSON afterwards. */
  @Patch()
  @Access({ can: 'sessions:update' })
  patch(@Id() id: string, @ObjectBody() patch: Record<string, unknown>): Promise<SessionDto> {
    return this.contexts.patch(id, patch);
  }
}
