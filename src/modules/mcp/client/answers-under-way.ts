import { AskedTooMuch } from '../mcp-errors.js';

/** What a server asks us is refused or a ping: nobody needs more of it at a time. */
const MOST = 16;

/** Our answers to what a server asks us, each of which costs us as long as the server does not take it. */
export class AnswersUnderWay {
  private count = 0;

  constructor(private readonly serverName: string) {}

  /** @throws AskedTooMuch, and then sends nothing */
  async send(send: () => Promise<void>): Promise<void> {
    if (this.count >= MOST) throw new AskedTooMuch(this.serverName);
    this.count += 1;
    try {
      await send();
    } finally {
      this.count -= 1;
    }
  }
}
