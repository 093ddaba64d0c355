import { WorkLine, type LineOptions, type WorkOutcome, type WorkTicket } from './work-line.js';

/**
 * Lines beside each other. All of a tenant's work is in one of them at a time, so that however much it gives, and however
 * long that takes, the others' goes on.
 */
export class WorkLines {
  private readonly lines: WorkLine[];

  constructor(count: number, options: LineOptions) {
    this.lines = Array.from({ length: count }, () => new WorkLine(options));
  }

  /** @throws as a line does */
  async do(module: URL, input: () => unknown, ticket: WorkTicket): Promise<WorkOutcome> {
    const line = this.lines.find((one) => one.has(ticket.of)) ?? this.emptiest();
    return line.do(module, input, ticket);
  }

  async close(): Promise<void> {
    await Promise.all(this.lines.map((line) => line.close()));
  }

  private emptiest(): WorkLine {
    return this.lines.reduce((best, line) => (line.load < best.load ? line : best));
  }
}
