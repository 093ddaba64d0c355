import { createHash } from 'node:crypto';

const LONGEST = 64;
const HASH_LENGTH = 8;

/**
 * Model providers allow letters, digits, `_` and `-` in tool names, 64 of them; ours are `server:tool`.
 * Gives each tool a legal name, unique among those offered together, and the way back. In whatever order the same tools
 * come, they have the same names.
 */
export class WireNames {
  private readonly ours = new Map<string, string>();
  private readonly wire = new Map<string, string>();

  constructor(names: readonly string[]) {
    const sorted = [...new Set(names)].sort();
    // First those that need no other name than their own, so that no hash takes one of these.
    const others = sorted.filter((name) => !this.take(name, legalName(name)));
    for (const name of others) this.take(name, this.free(name));
  }

  /** Calls of the past keep the name they were made by when their tool is not offered any more, or never was. */
  toWire(name: string): string {
    return this.wire.get(name) ?? this.free(name);
  }

  /** A name the model made up, or remembers, is that of a tool of its server which is not offered. */
  fromWire(wire: string): string {
    return this.ours.get(wire) ?? wire.replace('__', ':');
  }

  private take(name: string, wire: string): boolean {
    if (!this.isFree(wire)) return false;
    this.ours.set(wire, name);
    this.wire.set(name, wire);
    return true;
  }

  private free(name: string): string {
    const legal = legalName(name);
    let wire = legal;
    for (let attempt = 0; !this.isFree(wire); attempt++) wire = withHash(legal, name, attempt);
    return wire;
  }

  private isFree(wire: string): boolean {
    return wire.length <= LONGEST && !this.ours.has(wire);
  }
}

function legalName(name: string): string {
  return name.replace(':', '__').replace(/[^A-Za-z0-9_-]/g, '_');
}

function withHash(legal: string, name: string, attempt: number): string {
  const hashed = attempt === 0 ? name : `${name} ${attempt}`;
  const hash = createHash('sha256').update(hashed).digest('hex').slice(0, HASH_LENGTH);
  return `${legal.slice(0, LONGEST - 1 - HASH_LENGTH)}_${hash}`;
}
