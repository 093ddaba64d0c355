import { Injectable } from '@nestjs/common';
import { v7 } from 'uuid';
import { storableText } from '../../../platform/database/storable.js';
import { RunEventWriter } from './run-event.writer.js';
import type { RunHold } from './run-hold.js';

/** What readers see of the assistant's message while it is made. */
@Injectable()
export class RunDisplay {
  constructor(private readonly writer: RunEventWriter) {}

  /** Begins a message where none is open; `kept` is the text of earlier steps, which a new message repeats first. */
  start(hold: RunHold, kept: string): string {
    if (hold.run.openMessageId) return hold.run.openMessageId;
    const messageId = v7();
    hold.run.openMessageId = messageId;
    this.writer.add(hold, { type: 'message.started', data: { messageId } }, true);
    if (kept !== '') this.delta(hold, 'message.delta', kept, true);
    return messageId;
  }

  delta(hold: RunHold, type: 'message.delta' | 'thinking.delta', text: string, urgent: boolean): void {
    this.writer.add(hold, { type, data: { messageId: hold.run.openMessageId, text } }, urgent);
  }

  /** What was shown of the open message is void. */
  discard(hold: RunHold, reason: string): void {
    const messageId = hold.run.openMessageId;
    if (!messageId) return;
    hold.run.openMessageId = null;
    this.writer.add(hold, { type: 'message.discarded', data: { messageId, reason: storableText(reason) } }, true);
  }
}
