import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';

/** What `/metrics` says about the citations of models. */
@Injectable()
export class CitationMetrics {
  private readonly citations: Counter<'outcome'>;

  constructor(registry: Registry) {
    this.citations = new Counter({
      name: 'atrium_citations_total',
      help: 'Citations that models gave; those that do not stand in what they cite are dropped',
      labelNames: ['outcome'],
      registers: [registry],
    });
    for (const outcome of ['verified', 'dropped']) this.citations.inc({ outcome }, 0);
  }

  judged(isVerified: boolean): void {
    this.citations.inc({ outcome: isVerified ? 'verified' : 'dropped' });
  }
}
