import { Injectable } from '@nestjs/common';
import { Conflict, NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { runIsOn } from '../run-in-progress.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { SessionNews } from '../session-news.js';
import { SessionsService } from '../sessions.service.js';
import type { RateMessageDto, UpdateMessageDto } from './message-edits.dto.js';
import { MessageEditsRepository } from './message-edits.repository.js';
import { textOf, type Message, type StoredBlock } from './message.js';
import type { MessageDto } from './messages.dto.js';
import { MessagesRepository } from './messages.repository.js';
import { MessagesService } from './messages.service.js';

/** What people change of messages that are there. */
@Injectable()
export class MessageEdits {
  constructor(
    private readonly service: MessagesService,
    private readonly messages: MessagesRepository,
    private readonly edits: MessageEditsRepository,
    private readonly sessions: SessionsService,
    private readonly runs: RunsRepository,
    private readonly news: SessionNews,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** @throws NotFound, ValidationFailed, Conflict (`run_in_progress`: the text of a conversation that is being read) */
  async update(id: string, { content, metadata }: UpdateMessageDto): Promise<MessageDto> {
    return this.db.run(async () => {
      const message = await this.lock(id);
      if (content !== undefined) await this.setText(message, content);
      if (metadata !== undefined) await this.edits.setMetadata(id, metadata ?? {});
      await this.publish('message.updated', message);
      return this.service.get(id);
    });
  }

  /** @throws NotFound, Conflict (`run_in_progress`) */
  async remove(id: string): Promise<void> {
    await this.db.run(async () => {
      const message = await this.lock(id);
      if (await this.runs.hasOpen(message.sessionId)) throw runIsOn();
      const session = await this.edits.remove(message);
      await this.publish('message.deleted', message);
      this.db.afterCommit(() => this.news.changed(session));
    });
  }

  /** What somebody thinks of an answer, in place of what was thought before. @throws NotFound, Conflict */
  async rate(id: string, { rating, comment }: RateMessageDto): Promise<MessageDto> {
    return this.db.run(async () => {
      const message = await this.lock(id);
      if (message.role !== 'assistant') throw new Conflict("Only an assistant's message can be rated");
      await this.edits.setFeedback(id, { rating, comment: comment ?? null });
      const { sessionId } = message;
      const resource = { resourceType: 'message', resourceId: id };
      await this.events.publish('message.rated', { ...resource, payload: { sessionId, rating } });
      return this.service.get(id);
    });
  }

  /** Its session is locked, so that it stays what it is until the transaction ends. @throws NotFound */
  async lock(id: string): Promise<Message> {
    const seen = await this.messages.findVisible(id);
    if (!seen) throw new NotFound('Message');
    await this.sessions.requireLocked(seen.sessionId);
    const message = await this.messages.findVisible(id);
    if (!message) throw new NotFound('Message');
    return message;
  }

  private async setText({ id, sessionId, role, blocks, position }: Message, content: string): Promise<void> {
    if (role !== 'user') throw ValidationFailed.of('content', "Only a user's message has a text that can be changed");
    if (await this.runs.hasOpen(sessionId)) throw runIsOn();
    const changed = withText(blocks, content);
    await this.edits.setText(id, { content: textOf(changed), blocks: changed });
    await this.edits.removeSummaries(sessionId, position);
  }

  private async publish(action: 'message.updated' | 'message.deleted', { id, sessionId }: Message): Promise<void> {
    await this.events.publish(action, { resourceType: 'message', resourceId: id, payload: { sessionId } });
  }
}

/** One text, where the first was, among blocks of other kinds. */
function withText(blocks: readonly StoredBlock[], text: string): StoredBlock[] {
  const first = blocks.findIndex(({ type }) => type === 'text');
  const at = first < 0 ? blocks.length : first;
  const others = (part: readonly StoredBlock[]): StoredBlock[] => part.filter(({ type }) => type !== 'text');
  return [...others(blocks.slice(0, at)), { type: 'text', text }, ...others(blocks.slice(at))];
}
