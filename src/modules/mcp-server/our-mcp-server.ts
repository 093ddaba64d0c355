import { readFileSync } from 'node:fs';
import { Logger } from '@nestjs/common';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import {
  CallToolRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type CallToolRequest,
  type CallToolResult,
  type GetPromptResult,
  type ReadResourceResult,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv-provider.js';
import type { DomainError } from '../../contracts/errors.js';
import { BadRequest, NotFound } from '../../contracts/errors.js';
import type { Permission } from '../../contracts/permissions.js';
import { assertAllowed } from '../../platform/access/access.guard.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import { asDomainError } from '../../platform/http/error-body.js';
import { toolError, toolResult } from './answers.js';
import { joinedPage } from './joined-pages.js';
import type { Offers } from './offers.service.js';
import type { ToolCall } from './served.js';
import { ServedInputs } from './served-inputs.js';

/** What the protocol says for a resource that is not there. */
const RESOURCE_NOT_FOUND = -32_002;

/** Makes the server that answers one request of the current actor, who is shown what they may use and nothing else. */
export class OurMcpServer {
  private readonly logger = new Logger(OurMcpServer.name);
  private readonly inputs = new ServedInputs();
  private readonly info = { name: 'atrium', title: 'Atrium', version: packageVersion() };
  /** Never used, and costly to make anew each time. */
  private readonly jsonSchemaValidator = new AjvJsonSchemaValidator();

  constructor(private readonly offers: Offers) {}

  make(): McpServer {
    // Of `McpServer` only the server inside: its registry knows no pages, nor lists that depend on who asks, and promises
    // to tell of changes, for which nothing is open here.
    const mcp = new McpServer(this.info, { jsonSchemaValidator: this.jsonSchemaValidator });
    const { server } = mcp;
    server.registerCapabilities({ tools: {}, resources: {}, prompts: {} });
    server.setRequestHandler(ListToolsRequestSchema, ({ params }) =>
      this.answered(async () => this.tools(params?.cursor)),
    );
    server.setRequestHandler(CallToolRequestSchema, ({ params }, { signal, _meta, sendNotification }) => {
      const progressToken = _meta?.progressToken;
      let step = 0;
      const tell = (message: string): void => {
        const params = { progressToken: progressToken ?? '', progress: ++step, message };
        // Nobody may be listening any more.
        sendNotification({ method: 'notifications/progress', params }).catch(() => undefined);
      };
      return this.call(params, { signal, progress: progressToken === undefined ? null : tell });
    });
    server.setRequestHandler(ListResourcesRequestSchema, ({ params }) =>
      this.answered(async () => {
        const { items, ...rest } = await joinedPage(allowed(this.offers.resources), params?.cursor);
        return { resources: items, ...rest };
      }),
    );
    server.setRequestHandler(ListResourceTemplatesRequestSchema, ({ params }) =>
      this.answered(async () => {
        assertFirstPage(params?.cursor);
        return { resourceTemplates: allowed(this.offers.resources).map(({ template }) => template) };
      }),
    );
    server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => this.answered(() => this.read(params.uri)));
    server.setRequestHandler(ListPromptsRequestSchema, ({ params }) =>
      this.answered(async () => {
        const { items, ...rest } = await joinedPage(allowed(this.offers.prompts), params?.cursor);
        return { prompts: items, ...rest };
      }),
    );
    server.setRequestHandler(GetPromptRequestSchema, ({ params }) => this.answered(() => this.prompt(params.name)));
    return mcp;
  }

  private tools(cursor: string | undefined): { tools: Offers['tools'][number]['definition'][] } {
    assertFirstPage(cursor);
    return { tools: allowed(this.offers.tools).map(({ definition }) => definition) };
  }

  /** @throws McpError for a tool that does not exist; all else is told as the answer. */
  private async call(
    { name, arguments: input = {} }: CallToolRequest['params'],
    call: ToolCall,
  ): Promise<CallToolResult> {
    const tool = this.offers.tools.find(({ definition }) => definition.name === name);
    if (!tool) throw new McpError(ErrorCode.InvalidParams, 'There is no such tool');
    try {
      assertAllowed(currentTenantActor(), { can: tool.permission });
      this.inputs.check(tool.definition.inputSchema, input);
      return toolResult(await tool.call(input, call));
    } catch (error) {
      return toolError(this.domainError(error));
    }
  }

  private async read(uri: string): Promise<ReadResourceResult> {
    for (const resources of allowed(this.offers.resources)) {
      const found = await resources.read(uri);
      if (found) return found;
    }
    throw new NotFound();
  }

  private async prompt(name: string): Promise<GetPromptResult> {
    for (const prompts of allowed(this.offers.prompts)) {
      const found = await prompts.get(name);
      if (found) return found;
    }
    throw new BadRequest('There is no such prompt');
  }

  private async answered<T>(make: () => Promise<T>): Promise<T> {
    try {
      return await make();
    } catch (error) {
      throw rpcError(this.domainError(error));
    }
  }

  private domainError(thrown: unknown): DomainError {
    const error = asDomainError(thrown);
    if (error.status >= 500) this.logger.error(thrown instanceof Error ? thrown : { thrown });
    return error;
  }
}

function allowed<Offer extends { permission: Permission }>(offers: readonly Offer[]): Offer[] {
  const { permissions } = currentTenantActor();
  return offers.filter(({ permission }) => permissions.has(permission));
}

/** Of lists that have one page. */
function assertFirstPage(cursor: string | undefined): void {
  if (cursor !== undefined) throw new BadRequest('The cursor is not valid');
}

function packageVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** For requests whose answer has no place for errors of its own. */
function rpcError({ code, status, message }: DomainError): McpError {
  if (status === 404) return new McpError(RESOURCE_NOT_FOUND, message, { code });
  if (status === 400 || status === 422) return new McpError(ErrorCode.InvalidParams, message, { code });
  return new McpError(ErrorCode.InternalError, message, { code });
}
