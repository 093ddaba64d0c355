import { AsyncLocalStorage } from 'node:async_hooks';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  textResult,
  type BuiltinTool,
  type OfferedTool,
  type ToolCallContext,
  type ToolOutcome,
  type ToolResult,
  type ToolServer,
} from './tool.js';

/** Set around each call: the two ends of the connection live in one process, and one call's chain of promises. */
const calls = new AsyncLocalStorage<ToolCallContext>();

/** Longer than any call may take: the executor keeps the time. */
const NEVER_MS = 2_147_483_647;

/** A built-in as a real MCP server, with the client that calls it, over a transport in memory. */
export class InProcessServer {
  private connection: Promise<Client> | undefined;
  readonly offered: readonly OfferedTool[];

  constructor(readonly server: ToolServer) {
    this.offered = server.tools.map((tool) => ({
      definition: definitionOf(server.name, tool),
      call: (input, context) => this.call(tool.name, input, context),
    }));
  }

  /** The client of its connection, for what goes beyond calling tools. */
  client(): Promise<Client> {
    this.connection ??= connect(this.server).catch((error: unknown) => {
      this.connection = undefined;
      throw error;
    });
    return this.connection;
  }

  private async call(name: string, input: Record<string, unknown>, context: ToolCallContext): Promise<ToolOutcome> {
    const client = await this.client();
    const { signal, onProgress } = context;
    const result = await calls.run(context, () =>
      client.callTool({ name, arguments: input }, undefined, {
        signal,
        timeout: NEVER_MS,
        ...(onProgress ? { onprogress: onProgress } : {}),
      }),
    );
    return { status: 'done', result: result as ToolResult };
  }
}

function definitionOf(server: string, tool: BuiltinTool): OfferedTool['definition'] {
  const { description, inputSchema, idempotent, timeoutMs = null } = tool;
  const name = `${server}:${tool.name}`;
  return { name, description, inputSchema, idempotent, source: 'builtin', serverId: server, timeoutMs };
}

/** The SDK is loaded with the first use: it takes a tenth of a second and some memory, which not every start needs. */
async function connect({ name, tools }: ToolServer): Promise<Client> {
  const [{ Client }, { McpServer }, { InMemoryTransport }, { CallToolRequestSchema, ListToolsRequestSchema }] =
    await Promise.all([
      import('@modelcontextprotocol/sdk/client/index.js'),
      import('@modelcontextprotocol/sdk/server/mcp.js'),
      import('@modelcontextprotocol/sdk/inMemory.js'),
      import('@modelcontextprotocol/sdk/types.js'),
    ]);
  // Tools are listed as they are, with schemas of their own, which the server's own way of adding them would not take.
  const { server } = new McpServer({ name, version: '1.0.0' });
  server.registerCapabilities({ tools: {} });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: tools.map(({ name: tool, description, inputSchema, idempotent }) => ({
      name: tool,
      description,
      inputSchema: { type: 'object' as const, ...inputSchema },
      annotations: { idempotentHint: idempotent },
    })),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const tool = tools.find((candidate) => candidate.name === params.name);
    if (!tool) throw new Error(`${name} has no tool named ${params.name}`);
    const context = calls.getStore();
    if (!context) throw new Error('A built-in is called through the executor');
    const progressToken = params._meta?.progressToken;
    const onProgress: ToolCallContext['onProgress'] = (progress) => {
      if (progressToken === undefined) return;
      void sendNotification({ method: 'notifications/progress', params: { progressToken, ...progress } });
    };
    const result = await answered(`${name}:${tool.name}`, () =>
      tool.call(params.arguments ?? {}, { ...context, signal, onProgress }),
    );
    return { ...result, content: [...result.content] };
  });
  const client = new Client({ name: 'atrium', version: '1.0.0' });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await Promise.all([server.connect(far), client.connect(near)]);
  return client;
}

/** What a tool throws is its answer, as MCP has it. */
async function answered(name: string, call: () => Promise<ToolResult>): Promise<ToolResult> {
  try {
    return await call();
  } catch (error) {
    return textResult(`The tool ${name} failed: ${error instanceof Error ? error.message : String(error)}`, true);
  }
}
