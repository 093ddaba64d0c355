import type { Ingestion } from './ingestion.js';

/** Why the holder of an ingestion stops in the middle. */
export class IngestionStopped extends Error {
  constructor(readonly kind: 'lost' | 'shutdown' | 'suspended') {
    super(`The ingestion was interrupted: ${kind}`);
  }
}

/** An ingestion as the worker holds it; every write is bound to `fence`. */
export class IngestionHold {
  private readonly controller = new AbortController();

  constructor(
    readonly ingestion: Ingestion,
    readonly fence: number,
  ) {}

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** The first reason counts. */
  stop(kind: IngestionStopped['kind']): void {
    if (!this.signal.aborted) this.controller.abort(new IngestionStopped(kind));
  }
}
