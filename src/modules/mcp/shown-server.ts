import type { McpServerEntity } from './mcp-server.entity.js';
import type { McpServerDto } from './mcp-servers.dto.js';

export function shownServer(server: McpServerEntity): McpServerDto {
  const { id, name, transport, url, headerNames, command, args, oauth, enabled, timeoutMs, toolPolicy } = server;
  return {
    ...{ id, name, transport, url, headers: headerNames, command, args, oauth, enabled, timeoutMs, toolPolicy },
    createdBy: server.createdBy,
    createdAt: server.createdAt.toISOString(),
    updatedAt: server.updatedAt.toISOString(),
  };
}

export function shownBuiltin(name: string): McpServerDto {
  return {
    ...{ id: name, name, transport: 'builtin', url: null, headers: [], command: null, args: [], oauth: null },
    ...{ enabled: true, timeoutMs: null, toolPolicy: null, createdBy: null, createdAt: null, updatedAt: null },
  };
}
