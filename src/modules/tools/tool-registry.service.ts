import { Injectable } from '@nestjs/common';
import { InProcessServer } from './in-process-server.js';
import {
  serverOf,
  type ListedTool,
  type OfferedTool,
  type ServerOffer,
  type ToolDefinition,
  type ToolScope,
  type ToolServer,
  type ToolSource,
} from './tool.js';

export interface Offer {
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** Servers that are to serve the caller and can not, at present. */
  readonly unavailable: readonly { readonly server: string; readonly reason: string; readonly failure?: unknown }[];
  /** Known, and switched off where they come from. */
  isDisabled: (name: string) => boolean;
}

/** All tools that exist. Built-ins and sources register themselves when the application starts. */
@Injectable()
export class ToolRegistry {
  private readonly builtins = new Map<string, InProcessServer>();
  private readonly sources: ToolSource[] = [];

  register(server: ToolServer): void {
    if (this.builtins.has(server.name)) throw new Error(`A tool server named ${server.name} is already registered`);
    this.builtins.set(server.name, new InProcessServer(server));
  }

  addSource(source: ToolSource): void {
    this.sources.push(source);
  }

  builtin(name: string): InProcessServer | null {
    return this.builtins.get(name) ?? null;
  }

  builtinNames(): string[] {
    return [...this.builtins.keys()];
  }

  /** The tools that `patterns` name (`server:tool`, `server:*`), each once. Costs a query only beyond the built-ins. */
  async offer(patterns: readonly string[], scope: ToolScope): Promise<Offer> {
    const offers = await this.offersOf(new Set(patterns.map(serverOf)), scope);
    const known = offers.flatMap(({ tools }) => tools);
    const tools = new Map<string, OfferedTool>();
    for (const pattern of patterns) {
      for (const tool of known) if (names(pattern, tool.definition)) tools.set(tool.definition.name, tool);
    }
    const unavailable = offers.flatMap(({ server, unavailable: reason, failure }) =>
      reason ? [{ server, reason, failure }] : [],
    );
    const isDisabled = (name: string): boolean =>
      offers.some(({ server, disabled }) => (disabled === 'all' ? server === serverOf(name) : disabled?.has(name)));
    return { tools, unavailable, isDisabled };
  }

  /** Of each list of patterns those that name no tool, as far as is known without connecting to anything. */
  async unresolved(lists: readonly (readonly string[])[]): Promise<string[][]> {
    const servers = new Set(lists.flat().map(serverOf));
    const elsewhere = new Set([...servers].filter((server) => !this.builtins.has(server)));
    const found =
      elsewhere.size === 0 ? [] : await Promise.all(this.sources.map((source) => source.namesOf(elsewhere)));
    const known = [
      ...this.builtinTools(servers).map(({ definition }) => definition.name),
      ...found.flatMap((of) => [...of]),
    ];
    return lists.map((list) => list.filter((pattern) => !known.some((name) => names(pattern, { name }))));
  }

  /** Every tool that the tenant's agents could be given. */
  async list(): Promise<ListedTool[]> {
    const builtin = this.builtinTools(new Set(this.builtins.keys()));
    const others = await Promise.all(this.sources.map((source) => source.list()));
    return [...builtin.map(({ definition }) => ({ definition, changed: false })), ...others.flat()];
  }

  /** Of a server by its id, or of a built-in by its name. */
  async serverName(id: string): Promise<string | null> {
    if (this.builtins.has(id)) return id;
    for (const source of this.sources) {
      const name = await source.serverName(id);
      if (name !== null) return name;
    }
    return null;
  }

  async approve(name: string): Promise<void> {
    for (const source of this.sources) await source.approve(name);
  }

  private async offersOf(servers: ReadonlySet<string>, scope: ToolScope): Promise<ServerOffer[]> {
    const elsewhere = new Set([...servers].filter((server) => !this.builtins.has(server)));
    const builtin = { server: '', tools: this.builtinTools(servers), unavailable: null };
    if (elsewhere.size === 0) return [builtin];
    const others = await Promise.all(this.sources.map((source) => source.offer(elsewhere, scope)));
    return [builtin, ...others.flat()];
  }

  private builtinTools(servers: ReadonlySet<string>): OfferedTool[] {
    return [...servers].flatMap((server) => this.builtins.get(server)?.offered ?? []);
  }
}

function names(
  pattern: string,
  { name, standsForAll = false }: Pick<ToolDefinition, 'name' | 'standsForAll'>,
): boolean {
  return pattern === name || ((standsForAll || pattern.endsWith(':*')) && serverOf(pattern) === serverOf(name));
}
