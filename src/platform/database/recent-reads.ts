import { openTransaction } from './transaction.js';

/** A change that another process did not hear of holds there after so long. */
const OLDEST_MS = 5_000;
const MOST = 10_000;

interface Known<T> {
  readonly value: Promise<T>;
  readonly since: number;
}

/** What was read from the database a moment ago, for whoever asks next; who hears of a change has it forgotten. */
export class RecentReads<T> {
  private readonly known = new Map<string, Known<T>>();

  /** What `read` gave five seconds ago at most, if that `isGood`; else what it gives now. @throws what `read` throws */
  async get(key: string, read: () => Promise<T>, isGood: (value: T) => boolean = () => true): Promise<T> {
    // A transaction that waits for what another reads could be what the other waits for.
    if (openTransaction()) return read();
    const known = this.known.get(key);
    if (known && performance.now() - known.since < OLDEST_MS) {
      const value = await known.value;
      if (isGood(value)) return value;
    }
    if (this.known.size >= MOST) this.known.clear();
    const fresh: Known<T> = { value: read(), since: performance.now() };
    this.known.set(key, fresh);
    try {
      return await fresh.value;
    } catch (error) {
      if (this.known.get(key) === fresh) this.known.delete(key);
      throw error;
    }
  }

  forget(key: string): void {
    this.known.delete(key);
  }
}
