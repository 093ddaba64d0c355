import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  ReadResourceRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type GetPromptResult,
} from '@modelcontextprotocol/sdk/types.js';
import { rpcErrorBody } from '../../src/modules/mcp-server/rpc-errors.js';
import { answerMcp, type McpTransport } from '../../src/modules/mcp-server/mcp-transport.js';
import { assertKnownSource } from '../../src/modules/mcp-server/request-source.js';
import { asDomainError } from '../../src/platform/http/error-body.js';
import { readJsonBody } from '../../src/platform/http/json-body.js';
import { PNG } from './everything-media.js';
import { EVERYTHING_TOOLS } from './everything-tools.js';
import { KeptSessions } from './kept-sessions.js';

const RULES = { publicUrl: 'http://localhost', corsOrigins: [], host: '127.0.0.1' };

/** An MCP server that can do everything the protocol knows, behind the transport of `/mcp`. */
export class EverythingServer {
  private readonly sessions = new KeptSessions(everything);
  private readonly http: Server = createServer((request, response) => void this.answer(request, response));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.http.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}/mcp`;
  }

  async stop(): Promise<void> {
    await this.sessions.close();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      assertKnownSource(request.headers, RULES);
      const body = await readJsonBody(request, 1024 * 1024);
      await answerMcp(Object.assign(request, { body }), response, this.sessions.transportOf);
    } catch (thrown) {
      const error = asDomainError(thrown);
      response.writeHead(error.status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(rpcErrorBody(error, { correlationId: '', path: '/mcp' })));
    }
  }
}

function everything(transport: McpTransport): McpServer {
  const capabilities = { tools: {}, resources: { subscribe: true }, prompts: {}, logging: {}, completions: {} };
  const mcp = new McpServer({ name: 'everything', version: '1.0.0' }, { capabilities });
  const { server } = mcp;
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: Object.entries(EVERYTHING_TOOLS).map(
      ([name, { description, inputSchema = { type: 'object' as const } }]) => {
        return { name, description, inputSchema };
      },
    ),
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const tool = EVERYTHING_TOOLS[params.name];
    if (!tool) throw new Error(`There is no ${params.name}`);
    return tool.call((params.arguments ?? {}) as Record<string, string>, extra, transport);
  });
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: ['static-text', 'static-binary', 'watched-resource'].map((name) => {
      return { uri: `test://${name}`, name, description: `The ${name}`, mimeType: mimeTypeOf(name) };
    }),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => ({ contents: [contentOf(uri)] }));
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: Object.entries(PROMPTS).map(([name, { takes = [] }]) => {
      const args = takes.map((argument) => ({ name: argument, description: argument, required: true }));
      return { name, description: `The ${name}`, arguments: args };
    }),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const prompt = PROMPTS[params.name];
    if (!prompt) throw new Error(`There is no ${params.name}`);
    return { messages: prompt.contents(params.arguments ?? {}).map((content) => ({ role: 'user' as const, content })) };
  });
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => ({
    completion: { values: ['test', 'testing'].filter((value) => value.startsWith(params.argument.value)) },
  }));
  return mcp;
}

function mimeTypeOf(name: string): string {
  return name.endsWith('binary') ? 'image/png' : 'text/plain';
}

function contentOf(uri: string): { uri: string; mimeType: string } & ({ text: string } | { blob: string }) {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id !== undefined) return { uri, mimeType: 'application/json', text: JSON.stringify({ id, templateTest: true }) };
  if (uri === 'test://static-binary') return { uri, mimeType: 'image/png', blob: PNG };
  return { uri, mimeType: 'text/plain', text: `This is the content of ${uri}` };
}

type Content = GetPromptResult['messages'][number]['content'];

const PROMPTS: Record<string, { takes?: string[]; contents(given: Record<string, string>): Content[] }> = {
  test_simple_prompt: { contents: () => [{ type: 'text', text: 'This is a simple prompt for testing.' }] },
  test_prompt_with_arguments: {
    takes: ['arg1', 'arg2'],
    contents: ({ arg1, arg2 }) => [{ type: 'text', text: `Prompt with arguments: arg1='${arg1}', arg2='${arg2}'` }],
  },
  test_prompt_with_embedded_resource: {
    takes: ['resourceUri'],
    contents: ({ resourceUri: uri = '' }) => [
      { type: 'resource', resource: { uri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' } },
      { type: 'text', text: 'Please process the embedded resource above.' },
    ],
  },
  test_prompt_with_image: {
    contents: () => [
      { type: 'image', data: PNG, mimeType: 'image/png' },
      { type: 'text', text: 'Please analyze the image above.' },
    ],
  },
};
