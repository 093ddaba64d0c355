/**
 * Reads asked for in the same turn of the event loop are done once: a tick, a gap or an event makes all readers of a
 * session ask the same. Not longer than that turn, since a later asker knows of events that the first read may miss.
 */
export class SharedReads {
  private readonly underWay = new Map<string, Promise<unknown>>();

  /** `key` names all that the result depends on. */
  read<T>(key: string, read: () => Promise<T>): Promise<T> {
    const known = this.underWay.get(key);
    if (known) return known as Promise<T>;
    const started = read();
    this.underWay.set(key, started);
    setImmediate(() => this.underWay.delete(key));
    return started;
  }
}
