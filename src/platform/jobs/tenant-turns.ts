/** Beyond these a tenant's are forgotten; the sweeper finds their rows when there is room again. */
const MOST_WAITING = 1_000;

interface Turns {
  atWork: number;
  /** By what they are about: what was rung for twice waits once. */
  waiting: Map<string, () => Promise<void>>;
}

/** Lets no tenant have all slots of a kind of work: beyond its part, what it has to do waits here and holds none. */
export class TenantTurns {
  private readonly tenants = new Map<string, Turns>();

  constructor(private readonly part: number) {}

  /** Does the work and then what came meanwhile; resolves at once where the tenant has its part already. */
  async take(tenantId: string, about: string, work: () => Promise<void>): Promise<void> {
    const turns: Turns = this.tenants.get(tenantId) ?? { atWork: 0, waiting: new Map() };
    this.tenants.set(tenantId, turns);
    if (turns.atWork >= this.part) {
      if (turns.waiting.size < MOST_WAITING) turns.waiting.set(about, work);
      return;
    }
    turns.atWork++;
    try {
      for (let next: typeof work | undefined = work; next; next = first(turns.waiting)) await next();
    } finally {
      turns.atWork--;
      if (turns.atWork === 0) this.tenants.delete(tenantId);
    }
  }
}

function first<T>(waiting: Map<string, T>): T | undefined {
  for (const [about, next] of waiting) {
    waiting.delete(about);
    return next;
  }
  return undefined;
}
