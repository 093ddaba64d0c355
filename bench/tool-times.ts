import { now } from './clock.ts';

/** Reads a run's stream: how long the tool calls of each model turn took. */
export class ToolTimes {
  /** From the first `tool.call` to the last `tool.result`, in ms. */
  readonly turns: number[] = [];
  private readonly width: number;
  private unread = '';
  private begun = NaN;
  private results = 0;

  constructor(width: number) {
    this.width = width;
  }

  read(piece: string): void {
    const at = now();
    const events = (this.unread + piece).split('\n\n');
    this.unread = events.pop() ?? '';
    for (const event of events) {
      if (event.includes('event: tool.call\n') && Number.isNaN(this.begun)) this.begun = at;
      if (event.includes('event: tool.result\n') && ++this.results === this.width) {
        this.turns.push(at - this.begun);
        this.begun = NaN;
        this.results = 0;
      }
    }
  }
}
