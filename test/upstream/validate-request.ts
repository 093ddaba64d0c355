import { faultOfFile, faultOfFiles } from './validate-files.js';
import { faultOfCitations, faultOfSearchResult } from './validate-search-results.js';
import { blocksOf, type Block, type Message, type MessagesRequest } from './messages-api.js';

/** Versions of the API; sampling parameters exist in the older alone. */
const VERSIONS = ['2023-06-01', '2026-10-21'];
const SAMPLING = ['temperature', 'top_p', 'top_k'];

/** Fields the API knows; any other is refused. */
const FIELDS = new Set(
  (
    'model max_tokens messages system tools tool_choice stop_sequences stream metadata thinking service_tier container ' +
    'output_config inference_geo cache_control diagnostics speed user_profile_id workspace_id'
  ).split(' '),
);

/** Models that refuse any temperature but 1, and those that know no adaptive thinking. */
const NO_SAMPLING = /^claude-(opus-4-[78]|(opus|sonnet|haiku|fable|mythos)-[5-9])/;
const NO_ADAPTIVE_THINKING = /^claude-(haiku|sonnet|opus)-4-[0-5]\b/;
const PREFILL = /^claude-(haiku|sonnet|opus)-4-[0-5]\b/;
const MAX_OUTPUT_TOKENS: [RegExp, number][] = [
  [/^claude-(haiku|sonnet|opus)-4-5/, 64_000],
  [/^claude-/, 128_000],
];

/** The first fault as the API words it, or undefined. */
export function faultOf(request: MessagesRequest, version: string | undefined): string | undefined {
  if (version === undefined) return 'anthropic-version: header is required';
  if (!VERSIONS.includes(version)) return `anthropic-version: "${version}" is not a valid version`;
  return (
    faultOfFields(request, version) ??
    faultOfTools(request) ??
    request.messages
      .map((message, index) => faultOfMessage(message, `messages.${index}`))
      .find((fault) => fault !== undefined) ??
    faultOfBlocks(systemBlocks(request), 'system') ??
    faultOfTurns(request) ??
    faultOfFiles(request) ??
    faultOfCitations(request) ??
    faultOfBreakpoints(request)
  );
}

function faultOfFields(request: MessagesRequest, version: string): string | undefined {
  const unknown = Object.keys(request).find(
    (field) => !FIELDS.has(field) && (version !== '2023-06-01' || !SAMPLING.includes(field)),
  );
  if (unknown) return `${unknown}: Extra inputs are not permitted`;
  if (typeof request.model !== 'string' || request.model === '') return 'model: Field required';
  if (!Number.isInteger(request.max_tokens)) return 'max_tokens: Field required';
  if (request.max_tokens < 1) return 'max_tokens: Input should be greater than or equal to 1';
  const most = MAX_OUTPUT_TOKENS.find(([models]) => models.test(request.model))?.[1] ?? Infinity;
  if (request.max_tokens > most) {
    return `max_tokens: ${request.max_tokens} > ${most}, which is the maximum allowed number of output tokens for ${request.model}`;
  }
  if (!Array.isArray(request.messages)) return 'messages: Field required';
  if (request.messages.length === 0) return 'messages: at least one message is required';
  if (request.temperature !== undefined) {
    if (typeof request.temperature !== 'number' || request.temperature < 0 || request.temperature > 1)
      return 'temperature: range: 0..1';
    if (NO_SAMPLING.test(request.model) && request.temperature !== 1)
      return '`temperature` is deprecated for this model.';
  }
  if (request.thinking?.type === 'adaptive' && NO_ADAPTIVE_THINKING.test(request.model)) {
    return 'adaptive thinking is not supported on this model';
  }
  return undefined;
}

function faultOfTools({ tools = [] }: MessagesRequest): string | undefined {
  if (!Array.isArray(tools)) return 'tools: Input should be a valid list';
  for (const [index, tool] of tools.entries()) {
    const path = `tools.${index}.custom`;
    if (!/^[a-zA-Z0-9_-]{1,128}$/.test(tool.name))
      return `${path}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`;
    if (tool.input_schema?.type === undefined) return `${path}.input_schema.type: Field required`;
    if (tool.input_schema.type !== 'object') return `${path}.input_schema.type: Input should be 'object'`;
  }
  return new Set(tools.map((tool) => tool.name)).size < tools.length ? 'tools: Tool names must be unique.' : undefined;
}

function faultOfMessage(message: Message, path: string): string | undefined {
  if (message.role !== 'user' && message.role !== 'assistant')
    return `${path}.role: Input should be 'user' or 'assistant'`;
  if (typeof message.content !== 'string' && !Array.isArray(message.content)) return `${path}.content: Field required`;
  if (message.content.length === 0) return `${path}: all messages must have non-empty content`;
  const allowed =
    message.role === 'user'
      ? ['text', 'image', 'document', 'search_result', 'tool_result']
      : ['text', 'thinking', 'redacted_thinking', 'tool_use'];
  const strange = blocksOf(message).find((block) => !allowed.includes(block.type));
  if (strange) return `${path}.content: \`${strange.type}\` blocks are not permitted in \`${message.role}\` messages`;
  return faultOfBlocks(blocksOf(message), `${path}.content`);
}

function faultOfBlocks(blocks: Block[], path: string): string | undefined {
  for (const [index, block] of blocks.entries()) {
    const fault = faultOfBlock(block);
    if (fault) return `${path}.${index}.${block.type}${fault}`;
  }
  return undefined;
}

function faultOfBlock(block: Block): string | undefined {
  switch (block.type) {
    case 'text':
      if (typeof block.text !== 'string') return '.text: Field required';
      if (block.text === '')
        return block.cache_control
          ? ': cache_control cannot be set for empty text blocks'
          : ': text content blocks must be non-empty';
      return block.text.trim() === '' ? ': text content blocks must contain non-whitespace text' : undefined;
    case 'tool_use':
      if (!/^[a-zA-Z0-9_-]+$/.test(block.id ?? '')) return ".id: String should match pattern '^[a-zA-Z0-9_-]+$'";
      if (!block.name) return '.name: Field required';
      return typeof block.input === 'object' && block.input !== null && !Array.isArray(block.input)
        ? undefined
        : '.input: Input should be a valid dictionary';
    case 'tool_result':
      if (!block.tool_use_id) return '.tool_use_id: Field required';
      return Array.isArray(block.content) ? faultOfBlocks(block.content as Block[], '.content') : undefined;
    case 'thinking':
      if (!block.signature) return '.signature: Field required';
      return block.cache_control === undefined ? undefined : '.cache_control: Extra inputs are not permitted';
    case 'search_result':
      return faultOfSearchResult(block);
    case 'image':
    case 'document':
      return faultOfFile(block);
    default:
      return undefined;
  }
}

/** Turns of one role in a row count as one, as the API joins them. */
function faultOfTurns({ messages, model }: MessagesRequest): string | undefined {
  if (messages[0]?.role !== 'user') return 'messages: first message must use the "user" role';
  const turns: { role: string; blocks: Block[]; index: number }[] = [];
  for (const [index, message] of messages.entries()) {
    const last = turns.at(-1);
    if (last?.role === message.role) last.blocks.push(...blocksOf(message));
    else turns.push({ role: message.role, blocks: [...blocksOf(message)], index });
  }
  let asked: string[] = [];
  for (const { role, blocks, index } of turns) {
    if (role === 'user') {
      const fault = faultOfResults(blocks, asked, index);
      if (fault) return fault;
    }
    asked =
      role === 'assistant' ? blocks.filter((block) => block.type === 'tool_use').map((block) => block.id ?? '') : [];
  }
  const last = turns.at(-1);
  if (asked.length > 0) return unanswered(messages.length - 1, asked);
  if (last?.role !== 'assistant') return undefined;
  if (!PREFILL.test(model))
    return 'This model does not support assistant message prefill. The conversation must end with a user message.';
  const text = last.blocks.at(-1)?.text;
  return text !== undefined && /\s$/.test(text)
    ? 'messages: final assistant content cannot end with trailing whitespace'
    : undefined;
}

function faultOfResults(blocks: Block[], asked: string[], index: number): string | undefined {
  const answered = blocks.filter((block) => block.type === 'tool_result').map((block) => block.tool_use_id ?? '');
  const missing = asked.filter((id) => !answered.includes(id));
  const first = blocks.slice(0, answered.length).every((block) => block.type === 'tool_result');
  if (missing.length > 0 || (asked.length > 0 && !first))
    return unanswered(index - 1, missing.length > 0 ? missing : asked);
  const stray = answered.find((id) => !asked.includes(id));
  if (stray) {
    return (
      `messages.${index}.content.${answered.indexOf(stray)}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${stray}. ` +
      'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.'
    );
  }
  return new Set(answered).size < answered.length
    ? `messages.${index}: each tool_use must have a single result. Found multiple \`tool_result\` blocks`
    : undefined;
}

function unanswered(index: number, ids: string[]): string {
  return (
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${ids.join(', ')}. ` +
    'Each `tool_use` block must have a corresponding `tool_result` block in the next message.'
  );
}

function faultOfBreakpoints(request: MessagesRequest): string | undefined {
  const marked = [...(request.tools ?? []), ...systemBlocks(request), ...request.messages.flatMap(blocksOf)].filter(
    (block) => block.cache_control,
  );
  return marked.length > 4
    ? `A maximum of 4 blocks with cache_control may be provided. Found ${marked.length}.`
    : undefined;
}

function systemBlocks({ system }: MessagesRequest): Block[] {
  return Array.isArray(system) ? system : [];
}
