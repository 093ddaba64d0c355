import { DomainError } from '../../contracts/errors.js';
import type { EventReader } from './event-reader.js';

/** What one socket follows, by keys such as `session:<id>`. */
export class Follows {
  /** Null while its reader is being opened. */
  private readonly readers = new Map<string, { reader: EventReader | null }>();

  constructor(private readonly max: number) {}

  /**
   * Replaces what was followed under the key. The reader has not begun; null when the key was given up, or taken over by
   * another call, before it was open. Throws what `open` throws, and `rate_limit_error` beyond the maximum.
   */
  async add(key: string, open: () => Promise<EventReader>): Promise<EventReader | null> {
    if (!this.readers.has(key) && this.readers.size >= this.max) {
      throw new DomainError('rate_limit_error', 429, `A connection can follow at most ${this.max} things`);
    }
    this.remove(key);
    const slot: { reader: EventReader | null } = { reader: null };
    this.readers.set(key, slot);
    const forget = () => {
      if (this.readers.get(key) === slot) this.readers.delete(key);
    };
    try {
      slot.reader = await open();
    } catch (error) {
      forget();
      throw error;
    }
    if (this.readers.get(key) !== slot) {
      slot.reader.stop();
      return null;
    }
    void slot.reader.ended.then(forget);
    return slot.reader;
  }

  remove(key: string): void {
    const slot = this.readers.get(key);
    this.readers.delete(key);
    slot?.reader?.stop();
  }

  clear(): void {
    for (const key of [...this.readers.keys()]) this.remove(key);
  }
}
