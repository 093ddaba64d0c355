import { setTimeout as pause } from 'node:timers/promises';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  type CallToolResult,
  type ContentBlock,
  type ElicitRequestFormParams,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js';
import type { McpTransport } from '../../src/modules/mcp-server/mcp-transport.js';
import { PNG, WAV } from './everything-media.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
type Arguments = Record<string, string>;
type Schema = { type: 'object' } & Record<string, unknown>;

export interface EverythingTool {
  description: string;
  inputSchema?: Schema;
  call(given: Arguments, extra: Extra, transport: McpTransport): Promise<CallToolResult>;
}

const saying = (...content: ContentBlock[]): CallToolResult => ({ content });
const text = (words: string): ContentBlock => ({ type: 'text', text: words });
const image: ContentBlock = { type: 'image', data: PNG, mimeType: 'image/png' };

async function log({ sendNotification }: Extra, data: string): Promise<void> {
  await sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
}

/** Asks the person at the client, on the stream of the call. */
async function elicit(
  { sendRequest }: Extra,
  message: string,
  requestedSchema: ElicitRequestFormParams['requestedSchema'],
): Promise<CallToolResult> {
  const request = { method: 'elicitation/create' as const, params: { message, requestedSchema } };
  const { action, content } = await sendRequest(request, ElicitResultSchema);
  return saying(text(`Elicitation completed: action=${action}, content=${JSON.stringify(content)}`));
}

/** By the names that the conformance suite calls. */
export const EVERYTHING_TOOLS: Record<string, EverythingTool> = {
  test_simple_text: {
    description: 'Says something',
    call: async () => saying(text('This is a simple text response for testing.')),
  },
  test_image_content: { description: 'Shows an image', call: async () => saying(image) },
  test_audio_content: {
    description: 'Lets hear something',
    call: async () => saying({ type: 'audio', data: WAV, mimeType: 'audio/wav' }),
  },
  test_embedded_resource: {
    description: 'Gives a resource',
    call: async () =>
      saying({
        type: 'resource',
        resource: { uri: 'test://embedded-resource', mimeType: 'text/plain', text: 'This is an embedded resource.' },
      }),
  },
  test_multiple_content_types: {
    description: 'Gives several things',
    call: async () =>
      saying(text('Multiple content types test:'), image, {
        type: 'resource',
        resource: { uri: 'test://mixed-content-resource', mimeType: 'application/json', text: '{"test":"data"}' },
      }),
  },
  test_tool_with_logging: {
    description: 'Logs what it does',
    call: async (_given, extra) => {
      await log(extra, 'Tool execution started');
      await pause(50);
      await log(extra, 'Tool processing data');
      await pause(50);
      await log(extra, 'Tool execution completed');
      return saying(text('Logged'));
    },
  },
  test_tool_with_progress: {
    description: 'Tells how far it is',
    call: async (_given, { _meta, sendNotification }) => {
      const progressToken = _meta?.progressToken;
      for (const progress of [0, 50, 100]) {
        const params = { progressToken: progressToken ?? '', progress, total: 100 };
        if (progressToken !== undefined) await sendNotification({ method: 'notifications/progress', params });
        await pause(50);
      }
      return saying(text('Done'));
    },
  },
  test_error_handling: {
    description: 'Fails',
    call: async () => ({ isError: true, content: [text('This tool intentionally returns an error for testing')] }),
  },
  test_reconnection: {
    description: 'Closes the stream of its call before it answers',
    call: async (_given, extra, transport) => {
      await log(extra, 'The stream will be closed');
      transport.closeSSEStream(extra.requestId);
      await pause(100);
      return saying(text('Reconnected'));
    },
  },
  test_sampling: {
    description: "Asks the client's model",
    inputSchema: { type: 'object', properties: { prompt: { type: 'string' } }, required: ['prompt'] },
    call: async ({ prompt = '' }, { sendRequest }) => {
      const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: prompt } }];
      const request = { method: 'sampling/createMessage' as const, params: { messages, maxTokens: 100 } };
      const { content } = await sendRequest(request, CreateMessageResultSchema);
      return saying(text(`LLM response: ${content.type === 'text' ? content.text : content.type}`));
    },
  },
  test_elicitation: {
    description: 'Asks the person at the client',
    inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] },
    call: ({ message = '' }, extra) =>
      elicit(extra, message, {
        type: 'object',
        properties: { username: { type: 'string' }, email: { type: 'string' } },
        required: ['username', 'email'],
      }),
  },
  test_elicitation_sep1034_defaults: {
    description: 'Asks with defaults',
    call: (_given, extra) =>
      elicit(extra, 'Please review', {
        type: 'object',
        properties: {
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        },
      }),
  },
  test_elicitation_sep1330_enums: {
    description: 'Asks for a choice',
    call: (_given, extra) =>
      elicit(extra, 'Please choose', {
        type: 'object',
        properties: {
          untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
          titledSingle: { type: 'string', oneOf: titled('Option') },
          legacyEnum: {
            type: 'string',
            enum: ['opt1', 'opt2', 'opt3'],
            enumNames: ['Option One', 'Option Two', 'Option Three'],
          },
          untitledMulti: { type: 'array', items: { type: 'string', enum: ['option1', 'option2', 'option3'] } },
          titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
        },
      }),
  },
  json_schema_2020_12_tool: {
    description: 'Has a schema of draft 2020-12',
    inputSchema: {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    call: async () => saying(text('Thanks')),
  },
};

function titled(what: string): { const: string; title: string }[] {
  return ['First', 'Second', 'Third'].map((title, index) => ({
    const: `value${index + 1}`,
    title: `${title} ${what}`,
  }));
}
