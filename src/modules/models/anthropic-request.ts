import type Anthropic from '@anthropic-ai/sdk';
import { toMessageParams, type TurnParam } from './anthropic-messages.js';
import type { ModelRequest } from './model-client.js';
import type { ListedModel } from './model-list.js';

/** The API refuses a request with more. */
const MAX_BREAKPOINTS = 4;

const CACHED: Anthropic.CacheControlEphemeral = { type: 'ephemeral' };

/** The SDK's own version of the API has no temperature; models that still take one take it under the version before. */
const VERSION_WITH_TEMPERATURE = { 'anthropic-version': '2023-06-01' };

export interface AnthropicRequest {
  body: Anthropic.MessageCreateParamsStreaming & { temperature?: number };
  headers: Record<string, string>;
}

/** A request of the Messages API for `model`; where the catalog does not know it (undefined) nothing is adapted. */
export function toAnthropicRequest(request: ModelRequest, model: ListedModel | undefined): AnthropicRequest {
  const system = request.system
    .filter((text) => text.trim() !== '')
    .map((text): Anthropic.TextBlockParam => ({ type: 'text', text }));
  const tools = request.tools.map((tool): Anthropic.Tool => ({
    name: tool.name,
    description: tool.description,
    input_schema: { ...tool.inputSchema, type: 'object' },
  }));
  const messages = toMessageParams(request.messages);
  setBreakpoints(system, tools, messages);
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
 * Marks where a cached prefix may end: after the tools, after the first system block (the stable one) and the last, and
 * after the last user turn. What is left of the four goes to the user turn before: the API looks back only 20 blocks
 * from a mark for an older entry, and a turn with many tool calls is longer.
 */
function setBreakpoints(system: Anthropic.TextBlockParam[], tools: Anthropic.Tool[], messages: TurnParam[]): void {
  const prefix = [tools.at(-1), system[0], system.length > 1 ? system.at(-1) : undefined].filter(
    (block) => block !== undefined,
  );
  const turns = messages
    .filter((message) => message.role === 'user')
    .slice(-Math.min(2, MAX_BREAKPOINTS - prefix.length))
    .map((message) => message.content.at(-1))
    .filter((block) => block?.type === 'text' || block?.type === 'tool_result');
  for (const block of [...prefix, ...turns]) block.cache_control = CACHED;
}
