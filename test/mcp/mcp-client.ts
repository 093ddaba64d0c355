import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult, ContentBlock } from '@modelcontextprotocol/sdk/types.js';

/** A standard client of our MCP server, initialized. */
export async function mcpClient(url: string, headers: Record<string, string>): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`), { requestInit: { headers } }));
  return client;
}

export const bearer = (token: string | null): Record<string, string> => ({ authorization: `Bearer ${token}` });

/** An answer of a tool, which has passed the tool's output schema where its tools were listed before. */
export async function callTool(
  client: Client,
  name: string,
  given: Record<string, unknown> = {},
): Promise<Pick<CallToolResult, 'isError' | 'structuredContent'> & { texts: string[] }> {
  const { isError, structuredContent, content } = (await client.callTool({ name, arguments: given })) as CallToolResult;
  return { isError, structuredContent, texts: content.map(textOf) };
}

function textOf(block: ContentBlock): string {
  return block.type === 'text' ? block.text : block.type;
}
