import { Injectable } from '@nestjs/common';
import type { ToolDefinition, ToolServer } from './tool.js';

/** All tools that exist. Servers register themselves when the application starts. */
@Injectable()
export class ToolRegistry {
  private readonly servers = new Map<string, ToolServer>();

  register(server: ToolServer): void {
    if (this.servers.has(server.name)) throw new Error(`A tool server named ${server.name} is already registered`);
    this.servers.set(server.name, server);
  }

  find(name: string): { definition: ToolDefinition; server: ToolServer } | null {
    const server = this.servers.get(name.slice(0, name.indexOf(':')));
    const definition = server?.tools().find((tool) => tool.name === name);
    return server && definition ? { definition, server } : null;
  }

  /** The tools that `patterns` name (`server:tool`, `server:*`), each once, and the patterns that name none. */
  resolve(patterns: readonly string[]): { tools: ToolDefinition[]; unresolved: string[] } {
    const tools = new Map<string, ToolDefinition>();
    const unresolved: string[] = [];
    for (const pattern of patterns) {
      const matching = this.matching(pattern);
      if (matching.length === 0) unresolved.push(pattern);
      for (const tool of matching) tools.set(tool.name, tool);
    }
    return { tools: [...tools.values()], unresolved };
  }

  private matching(pattern: string): readonly ToolDefinition[] {
    const colon = pattern.indexOf(':');
    const server = this.servers.get(pattern.slice(0, colon));
    if (!server) return [];
    const wanted = pattern.slice(colon + 1);
    return server.tools().filter((tool) => wanted === '*' || tool.name === pattern);
  }
}
