import { createHash } from 'node:crypto';

const LONGEST = 64;

/**
 * Model providers allow letters, digits, `_` and `-` in tool names, 64 of them; ours are `server:tool`.
 * Gives each tool a legal name, unique among those offered together, and the way back.
 */
export class WireNames {
  private readonly ours = new Map<string, string>();
  private readonly wire = new Map<string, string>();

  constructor(names: readonly string[]) {
    for (const name of names) {
      const wire = this.free(name);
      this.ours.set(wire, name);
      this.wire.set(name, wire);
    }
  }

  /** Calls of the past keep the name they were made by when their tool is not offered any more, or never was. */
  toWire(name: string): string {
    return this.wire.get(name) ?? this.free(name);
  }

  /** A name the model made up comes back as it is, and is then an unknown tool. */
  fromWire(wire: string): string {
    return this.ours.get(wire) ?? wire;
  }

  private free(name: string): string {
    const legal = name.replace(':', '__').replace(/[^A-Za-z0-9_-]/g, '_');
    return legal.length <= LONGEST && !this.ours.has(legal) ? legal : withHash(legal, name);
  }
}

function withHash(legal: string, name: string): string {
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  return `${legal.slice(0, LONGEST - 9)}_${hash}`;
}
