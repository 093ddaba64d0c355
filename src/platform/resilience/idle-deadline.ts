/** Aborts its signal when the other side stays silent too long, or when the outer signal aborts. */
export class IdleDeadline {
  /** True when silence, and not the outer signal, ended it. */
  expired = false;
  readonly signal: AbortSignal;
  private readonly silence = new AbortController();
  private timer: NodeJS.Timeout | undefined;

  constructor(outer: AbortSignal) {
    this.signal = AbortSignal.any([outer, this.silence.signal]);
  }

  /** The other side has `ms` from now to make itself heard. */
  expect(ms: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.expired = true;
      this.silence.abort();
    }, ms);
  }

  /** We are busy ourselves: no silence of the other side. */
  rest(): void {
    clearTimeout(this.timer);
  }
}
