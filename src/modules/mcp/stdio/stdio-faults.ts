import type { Environment } from '../../../platform/config/environment.js';
import { readStdioRegistry } from './stdio-registry.js';

/** What of the settings only the operator's registry of commands can tell. */
export function stdioFaults({ MCP_STDIO_REGISTRY: file }: Environment): string[] {
  if (file === undefined) return [];
  try {
    readStdioRegistry(file);
    return [];
  } catch (error) {
    return [`MCP_STDIO_REGISTRY (${file}): ${(error as Error).message}`];
  }
}
