import type { CachedTool } from './mcp-tools.repository.js';
import type { ListedDefinition } from './tool-definitions.js';

const MOST = 2_000;

/**
 * Definitions by their hash, each the same object whenever it is asked for, so that what is made from it (a compiled
 * schema) is made once.
 */
export class KnownDefinitions {
  private readonly byHash = new Map<string, ListedDefinition>();

  of({ hash, definition }: CachedTool): ListedDefinition {
    const known = this.byHash.get(hash) ?? definition;
    this.byHash.delete(hash);
    this.byHash.set(hash, known);
    const [oldest] = this.byHash.keys();
    if (this.byHash.size > MOST && oldest !== undefined) this.byHash.delete(oldest);
    return known;
  }
}
