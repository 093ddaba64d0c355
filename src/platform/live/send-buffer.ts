/** Counts what was written to a connection and not yet taken by the operating system. */
export class SendBuffer {
  private waiting = 0;
  private handedOver = 0;
  private closed = false;
  private readonly waiters: (() => void)[] = [];

  /**
   * `inSystemQueue`: bytes of the write under way that the system has yet to take. A big write is one step for Node, so
   * that without it a slow client would look like a stuck one.
   */
  constructor(private readonly inSystemQueue: () => number) {}

  get bytes(): number {
    return this.waiting;
  }

  taken(): number {
    return this.handedOver - this.inSystemQueue();
  }

  /** Returns what to call once the bytes have been taken. */
  add(bytes: number): () => void {
    this.waiting += bytes;
    return () => {
      this.waiting -= bytes;
      this.handedOver += bytes;
      if (this.waiting === 0) this.wake();
    };
  }

  async drained(): Promise<void> {
    if (this.waiting === 0 || this.closed) return;
    await new Promise<void>((resolve) => this.waiters.push(resolve));
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}

/** Libuv's own count for a socket; Node uses it for its write timeouts, and tells it nowhere else. */
export function systemQueueBytes(socket: object | null | undefined): number {
  const handle = (socket as { _handle?: { writeQueueSize?: number } | null } | null | undefined)?._handle;
  return handle?.writeQueueSize ?? 0;
}
