import type { ToolRegistry } from '../tools/tool-registry.service.js';
import type { McpDiscoveryDto, McpToolDto, McpToolListDto } from './mcp-inspection.dto.js';

type Builtin = NonNullable<ReturnType<ToolRegistry['builtin']>>;

/** By the protocol, as of any server. */
export async function builtinDiscovery(builtin: Builtin): Promise<McpDiscoveryDto> {
  const client = await builtin.client();
  const { LATEST_PROTOCOL_VERSION } = await import('@modelcontextprotocol/sdk/types.js');
  const { tools } = await client.listTools();
  const { name, version } = client.getServerVersion() ?? { name: builtin.server.name, version: '' };
  return {
    tools: tools.map(({ name: tool, description, inputSchema, annotations }) => ({
      name: tool,
      ...(description !== undefined && { description }),
      inputSchema,
      ...(annotations && { annotations }),
    })),
    ...{ resources: [], resourceTemplates: [], prompts: [] },
    serverInfo: { name, version },
    protocolVersion: LATEST_PROTOCOL_VERSION,
    notes: [],
  };
}

export function builtinTools({ server }: Builtin): McpToolListDto {
  const data = server.tools.map(
    ({ name, description, inputSchema, idempotent }): McpToolDto & { changed: boolean } => ({
      ...{ name, description, inputSchema, annotations: { idempotentHint: idempotent } },
      changed: false,
    }),
  );
  return { data, notes: [], listedAt: null };
}

export async function pingBuiltin(builtin: Builtin): Promise<void> {
  const client = await builtin.client();
  await client.ping();
}
