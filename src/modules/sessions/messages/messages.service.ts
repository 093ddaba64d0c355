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

  /** Oldest first; with a search best first. @throws NotFound */
  async list(sessionId: string, query: ListMessagesQuery): Promise<MessagePage> {
    const { search } = query;
    if (search !== undefined) return this.search(sessionId, { ...query, search });
    const [after = '0'] = this.cursors.decode(query.cursor, 2);
    const filter = { role: query.role, afterPosition: position(after), limit: query.limit + 1 };
    const rows = await this.inSession(sessionId, () => this.messages.list(sessionId, filter));
    return this.cursors.page(rows, query.limit, shownMessage, (message) => [String(message.position), message.id]);
  }

  private async search(sessionId: string, query: ListMessagesQuery & { search: string }): Promise<MessagePage> {
    const { role, search, limit } = query;
    const [afterRank = null, after = '0'] = this.cursors.decode(query.cursor, 3);
    const filter = { role, search, afterRank, afterPosition: position(after), limit: limit + 1 };
    const rows = await this.inSession(sessionId, () => this.messages.search(sessionId, filter));
    return this.cursors.page(rows, limit, shownMessage, ({ rank, position, id }) => [rank, String(position), id]);
  }

  /** @throws NotFound */
  private inSession<T>(sessionId: string, read: () => Promise<T>): Promise<T> {
    return this.db.run(async () => {
      await this.sessions.require(sessionId);
      return read();
    });
  }

  /** @throws NotFound */
  async get(id: string): Promise<MessageDto> {
    const message = await this.messages.findVisible(id);
    if (!message) throw new NotFound('Message');
    return shownMessage(message);
  }
}

/** @throws BadRequest */
function position(text: string): number {
  if (!/^\d+$/.test(text)) throw new BadRequest('The cursor belongs to another list');
  return Number(text);
}
