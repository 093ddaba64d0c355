import { Injectable } from '@nestjs/common';
import { Settings } from '../../../platform/config/settings.js';
import { readStdioRegistry, type StdioCommand, type StdioRegistry } from './stdio-registry.js';

/** The operator's commands; none unless MCP_STDIO_REGISTRY names a file of them. */
@Injectable()
export class StdioCommands {
  private readonly registry: StdioRegistry | null;

  constructor({ mcp }: Settings) {
    this.registry = mcp.stdioRegistry === null ? null : readStdioRegistry(mcp.stdioRegistry);
  }

  get areAllowed(): boolean {
    return this.registry !== null;
  }

  find(name: string): StdioCommand | null {
    return this.registry?.get(name) ?? null;
  }
}
