import { Breaker, type BreakerOptions, type BreakerState } from './breaker.js';

/** This process's circuit breakers by name, made when first asked for. */
export class Breakers {
  private readonly breakers = new Map<string, Breaker>();

  constructor(private readonly options: BreakerOptions) {}

  get(name: string): Breaker {
    let breaker = this.breakers.get(name);
    if (!breaker) this.breakers.set(name, (breaker = new Breaker(name, this.options)));
    return breaker;
  }

  list(): { name: string; state: BreakerState }[] {
    return [...this.breakers.values()].map(({ name, state }) => ({ name, state }));
  }
}
