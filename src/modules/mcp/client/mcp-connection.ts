import { AsyncResource } from 'node:async_hooks';
import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { AnySchema, SchemaOutput } from '@modelcontextprotocol/sdk/server/zod-compat.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CallToolResultSchema,
  EmptyResultSchema,
  GetPromptResultSchema,
  ListPromptsResultSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesResultSchema,
  ReadResourceResultSchema,
  type CallToolResult,
  type ClientRequest,
  type GetPromptResult,
  type Implementation,
  type ReadResourceResult,
  type ServerCapabilities,
} from '@modelcontextprotocol/sdk/types.js';
import PQueue from 'p-queue';
import { z } from 'zod';
import { storableText } from '../../../platform/database/storable.js';
import { storableProgress } from '../../tools/tool-progress.js';
import type { ToolProgress } from '../../tools/tool.js';
import { failureOf } from './failure-of.js';
import { withoutSecrets } from './without-secrets.js';

/** Of one connection; further ones wait for their turn. */
const REQUESTS_AT_A_TIME = 16;
/** However often a server says that it gets on. */
const MOST_EXTENSIONS = 20;

const TOOLS_PAGE = z.object({ tools: z.array(z.unknown()), nextCursor: z.string().optional() });

export interface ListedPage {
  items: readonly unknown[];
  nextCursor: string | undefined;
}

/** A transport that knows why it ended. */
export interface FaultyTransport extends Transport {
  readonly fault: Error | null;
  readonly protocolVersion: string | undefined;
}

export interface RequestBounds {
  timeoutMs: number;
  signal?: AbortSignal;
  onProgress?: (progress: ToolProgress) => void;
}

interface ConnectionParts {
  serverName: string;
  client: Client;
  transport: FaultyTransport;
  /** Never part of an answer. */
  secrets: () => readonly string[];
}

/** An open, initialized connection. */
export class McpConnection {
  private readonly turns = new PQueue({ concurrency: REQUESTS_AT_A_TIME });

  constructor(private readonly parts: ConnectionParts) {}

  get isOpen(): boolean {
    const { client, transport } = this.parts;
    return client.transport !== undefined && transport.fault === null;
  }

  get serverInfo(): Implementation | null {
    return this.parts.client.getServerVersion() ?? null;
  }

  get capabilities(): ServerCapabilities {
    return this.parts.client.getServerCapabilities() ?? {};
  }

  get protocolVersion(): string | null {
    return this.parts.transport.protocolVersion ?? null;
  }

  /** One page. What of it is a tool is for the caller to find out: one that is none must not hide the others. */
  async toolsPage(cursor: string | undefined, bounds: RequestBounds): Promise<ListedPage> {
    const { tools, nextCursor } = await this.request({ method: 'tools/list', params: { cursor } }, TOOLS_PAGE, bounds);
    return { items: tools, nextCursor };
  }

  async resourcesPage(cursor: string | undefined, bounds: RequestBounds): Promise<ListedPage> {
    const request = { method: 'resources/list' as const, params: { cursor } };
    const { resources, nextCursor } = await this.request(request, ListResourcesResultSchema, bounds);
    return { items: resources, nextCursor };
  }

  async templatesPage(cursor: string | undefined, bounds: RequestBounds): Promise<ListedPage> {
    const request = { method: 'resources/templates/list' as const, params: { cursor } };
    const { resourceTemplates, nextCursor } = await this.request(request, ListResourceTemplatesResultSchema, bounds);
    return { items: resourceTemplates, nextCursor };
  }

  async promptsPage(cursor: string | undefined, bounds: RequestBounds): Promise<ListedPage> {
    const request = { method: 'prompts/list' as const, params: { cursor } };
    const { prompts, nextCursor } = await this.request(request, ListPromptsResultSchema, bounds);
    return { items: prompts, nextCursor };
  }

  async callTool(name: string, input: Record<string, unknown>, bounds: RequestBounds): Promise<CallToolResult> {
    return this.request({ method: 'tools/call', params: { name, arguments: input } }, CallToolResultSchema, bounds);
  }

  async readResource(uri: string, bounds: RequestBounds): Promise<ReadResourceResult> {
    return this.request({ method: 'resources/read', params: { uri } }, ReadResourceResultSchema, bounds);
  }

  async getPrompt(name: string, input: Record<string, string>, bounds: RequestBounds): Promise<GetPromptResult> {
    return this.request({ method: 'prompts/get', params: { name, arguments: input } }, GetPromptResultSchema, bounds);
  }

  async ping(bounds: RequestBounds): Promise<void> {
    await this.request({ method: 'ping' }, EmptyResultSchema, bounds);
  }

  /** @throws the signal's reason, McpServerFailed, McpServerSilent, ServerRefused, SessionLost */
  private async request<S extends AnySchema>(
    request: ClientRequest,
    schema: S,
    bounds: RequestBounds,
  ): Promise<SchemaOutput<S>> {
    const { signal } = bounds;
    // A queue's tasks run in the scope of whoever added them only if they are bound to it.
    const send = AsyncResource.bind(() => this.send(request, schema, bounds));
    return this.turns.add(send, signal ? { signal } : {});
  }

  async close(): Promise<void> {
    await this.parts.client.close();
  }

  private async send<S extends AnySchema>(
    request: ClientRequest,
    schema: S,
    { timeoutMs, signal, onProgress }: RequestBounds,
  ): Promise<SchemaOutput<S>> {
    const { client, transport, serverName } = this.parts;
    signal?.throwIfAborted();
    const hasSession = transport.sessionId !== undefined;
    try {
      const result = await client.request(request, schema, {
        timeout: timeoutMs,
        maxTotalTimeout: timeoutMs * MOST_EXTENSIONS,
        resetTimeoutOnProgress: true,
        ...(signal && { signal }),
        ...(onProgress && { onprogress: (progress: ToolProgress) => this.tell(progress, onProgress) }),
      });
      return withoutSecrets(result, this.parts.secrets());
    } catch (error) {
      signal?.throwIfAborted();
      const failure = failureOf(transport.fault ?? error, { serverName, timeoutMs, hasSession });
      failure.message = withoutSecrets(failure.message, this.parts.secrets());
      throw failure;
    }
  }

  private tell({ progress, total, message }: ToolProgress, onProgress: (progress: ToolProgress) => void): void {
    // Cleaned, then masked, then cut: what is taken away could stand in the middle of a secret, and so could the cut.
    const clean = message === undefined ? {} : { message: storableText(message) };
    const told = storableProgress(
      withoutSecrets({ progress, ...(total !== undefined && { total }), ...clean }, this.parts.secrets()),
    );
    if (told) onProgress(told);
  }
}
