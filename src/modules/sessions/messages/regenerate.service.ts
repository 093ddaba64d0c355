import { Injectable } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { ModelCatalog } from '../../models/model-catalog.service.js';
import type { BegunRun } from '../runs/run.js';
import { RunLine } from '../runs/run-line.js';
import { patchedContext } from '../session-context.js';
import { SessionsRepository } from '../sessions.repository.js';
import { SessionsService } from '../sessions.service.js';
import type { RegenerateDto } from './message-edits.dto.js';
import { MessageEditsRepository } from './message-edits.repository.js';
import { MessageEdits } from './message-edits.service.js';
import { RunStart } from './run-start.service.js';

/**
 * Has a user's message answered again; what came after it is taken out of the conversation, and comes back if there is
 * no new answer.
 */
@Injectable()
export class RegenerateService {
  constructor(
    private readonly messages: MessageEdits,
    private readonly edits: MessageEditsRepository,
    private readonly sessions: SessionsService,
    private readonly sessionRows: SessionsRepository,
    private readonly starting: RunStart,
    private readonly line: RunLine,
    private readonly models: ModelCatalog,
    private readonly db: Db,
  ) {}

  /**
   * `id` is the user's message or one of those after it, before the next of a user.
   * @throws NotFound, ValidationFailed, Conflict (the session is busy or closed, or there is no message to be answered)
   */
  async start(id: string, options: RegenerateDto): Promise<BegunRun> {
    return this.db.run(async () => {
      const message = await this.messages.lock(id);
      const { sessionId } = message;
      if (message.role === 'system') throw new Conflict('A summary is no answer');
      if (options.model) this.models.require(options.model, 'model');
      const session = await this.sessions.require(sessionId);
      if (options.context) patchedContext(session.context, options.context);
      await this.line.admit(session);
      const asked = await this.edits.askedBy(message);
      if (!asked) throw new Conflict('There is no message of a user before it to be answered');
      if (asked.isDeleted) throw new Conflict('The message that it answers was deleted');
      const run = { ...(await this.starting.newRun(session, options, 'regenerate')), messageId: asked.id };
      if (options.metadata) await this.edits.setMetadata(asked.id, options.metadata);
      await this.edits.removeAfter(sessionId, asked.position, run.id);
      return this.starting.begin(run, await this.sessionRows.setBusy(sessionId), null, false);
    });
  }
}
