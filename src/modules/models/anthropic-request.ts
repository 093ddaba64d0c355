import type Anthropic from '@anthropic-ai/sdk';
import { toMessageParams, type TurnParam } from './anthropic-messages.js';
import type { FileParams } from './anthropic-files.js';
import type { ModelRequest } from './model-client.js';
import type { ListedModel } from './model-list.js';

/** With one after the tools and one after the system prompt these are the four that the API takes. */
const TURN_BREAKPOINTS = 2;

const CACHED: Anthropic.CacheControlEphemeral = { type: 'ephemeral' };

/** The SDK's own version of the API has no temperature; models that still take one take it under the version before. */
const VERSION_WITH_TEMPERATURE = { 'anthropic-version': '2023-06-01' };

export interface AnthropicRequest {
  body: Anthropic.MessageCreateParamsStreaming & { temperature?: number };
  headers: Record<string, string>;
}

/** A request of the Messages API for `model`; where the catalog does not know it (undefined) nothing is adapted. */
export function toAnthropicRequest(
  request: ModelRequest,
  files: FileParams,
  model: ListedModel | undefined,
): AnthropicRequest {
  const system = request.system
    .filter((text) => text.trim() !== '')
    .map((text): Anthropic.TextBlockParam => ({ type: 'text', text }));
  const tools = request.tools.map((tool): Anthropic.Tool => ({
    name: tool.name,
    description: tool.description,
    input_schema: { ...tool.inputSchema, type: 'object' },
  }));
  const messages = toMessageParams(request.messages, files);
  setBreakpoints(system, tools, messages);
  if (request.state) showState(messages, request.state);
  const temperature = (model?.acceptsTemperature ?? true) ? request.temperature : null;
  return {
    headers: temperature === null ? {} : VERSION_WITH_TEMPERATURE,
    body: {
      model: request.model,
      stream: true,
      max_tokens: request.maxOutputTokens,
      messages,
      ...(system.length > 0 ? { system } : {}),
      ...(tools.length > 0 ? { tools } : {}),
      ...(temperature === null ? {} : { temperature }),
      // Such models think anyway, but by default return the blocks without text.
      ...(model?.thinks ? { thinking: { type: 'adaptive', display: 'summarized' } } : {}),
    },
  };
}

/**
 * Marks where a cached prefix may end: after the tools, after the system prompt, and after the last two user turns: the
 * API looks back only 20 blocks from a mark for an older entry, and a turn with many tool calls is longer.
 */
function setBreakpoints(system: Anthropic.TextBlockParam[], tools: Anthropic.Tool[], messages: TurnParam[]): void {
  const prefix = [tools.at(-1), system.at(-1)].filter((block) => block !== undefined);
  const turns = messages
    .filter((message) => message.role === 'user')
    .slice(-TURN_BREAKPOINTS)
    .map((message) => message.content.at(-1))
    .filter((block) => isMarkable(block));
  for (const block of [...prefix, ...turns]) block.cache_control = CACHED;
}

/** Behind the last mark, so that what is cached does not change with it. */
function showState(messages: TurnParam[], state: string): void {
  const text = `<application_state>\n${state.replaceAll('<', '\\u003c')}\n</application_state>`;
  messages.findLast((message) => message.role === 'user')?.content.push({ type: 'text', text });
}

function isMarkable(
  block: Anthropic.ContentBlockParam | undefined,
): block is
  | Anthropic.TextBlockParam
  | Anthropic.ToolResultBlockParam
  | Anthropic.SearchResultBlockParam
  | Anthropic.ImageBlockParam
  | Anthropic.DocumentBlockParam {
  return block !== undefined && ['text', 'tool_result', 'search_result', 'image', 'document'].includes(block.type);
}
