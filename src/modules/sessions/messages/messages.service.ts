import { Injectable } from '@nestjs/common';
import { BadRequest, NotFound } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { SessionsService } from '../sessions.service.js';
import { shownMessage, type ListMessagesQuery, type MessageDto, type MessagePage } from './messages.dto.js';
import { MessagesRepository } from './messages.repository.js';

@Injectable()
export class MessagesService {
  constructor(
    private readonly messages: MessagesRepository,
    private readonly sessions: SessionsService,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** Oldest first. @throws NotFound */
  async list(sessionId: string, query: ListMessagesQuery): Promise<MessagePage> {
    const [after = '0'] = this.cursors.decode(query.cursor, 2);
    if (!/^\d+$/.test(after)) throw new BadRequest('The cursor belongs to another list');
    const rows = await this.db.run(async () => {
      await this.sessions.require(sessionId);
      const filter = { role: query.role, search: query.search, afterPosition: Number(after), limit: query.limit + 1 };
      return this.messages.list(sessionId, filter);
    });
    return this.cursors.page(rows, query.limit, shownMessage, (message) => [String(message.position), message.id]);
  }

  /** @throws NotFound */
  async get(id: string): Promise<MessageDto> {
    const message = await this.messages.findVisible(id);
    if (!message) throw new NotFound('Message');
    return shownMessage(message);
  }
}
