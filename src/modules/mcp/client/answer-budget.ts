/** One message of a server, or one answer that is no stream. */
export const MESSAGE_BYTES = 10 * 1024 * 1024;

const WINDOW_MS = 10_000;
/** However it is cut into messages, a server may say so much in that time. */
const WINDOW_BYTES = 32 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

/** How much comes in a while, of a stream that has no end. */
export class RateBudget {
  private bytes = 0;
  private since = performance.now();

  /** False when it is too much. */
  take(bytes: number): boolean {
    const now = performance.now();
    if (now - this.since > WINDOW_MS) {
      this.since = now;
      this.bytes = 0;
    }
    this.bytes += bytes;
    return this.bytes <= WINDOW_BYTES;
  }
}

/** A stream of server-sent events: each event, and all in a while. */
export class EventBudget {
  private readonly rate = new RateBudget();
  private event = 0;
  private last = 0;

  take(chunk: Uint8Array): boolean {
    const end = this.endOfEvent(chunk);
    this.event = end === -1 ? this.event + chunk.length : chunk.length - end;
    this.last = chunk.at(-1) ?? this.last;
    return this.event <= MESSAGE_BYTES && this.rate.take(chunk.length);
  }

  /** Where the last empty line of the chunk begins; -1 where it has none. */
  private endOfEvent(chunk: Uint8Array): number {
    const isBreak = (byte: number | undefined): boolean => byte === LF || byte === CR;
    for (let at = chunk.length - 1; at > 0; at--) {
      const [before, byte] = [chunk[at - 1], chunk[at]];
      if (isBreak(byte) && isBreak(before) && !(before === CR && byte === LF)) return at;
    }
    return isBreak(chunk[0]) && this.last === LF ? 0 : -1;
  }
}

/** An answer in one piece. */
export class SizeBudget {
  private bytes = 0;

  take(chunk: Uint8Array): boolean {
    this.bytes += chunk.length;
    return this.bytes <= MESSAGE_BYTES;
  }
}
