import { blocksOf, type Block, type MessagesRequest } from './messages-api.js';

/** Characters of Chinese, Japanese and Korean, each about a token; of anything else it takes about four. */
const DENSE = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]/g;
const OTHERS_PER_TOKEN = 4;

/** The fault of a prompt beyond the window, in the API's words. Pictures, PDFs and thinking are left uncounted. */
export function faultOfLength(request: MessagesRequest, window: number): string | undefined {
  const tokens = promptTokens(request);
  return tokens > window ? `prompt is too long: ${tokens} tokens > ${window} maximum` : undefined;
}

export function promptTokens({ system = [], tools = [], messages }: MessagesRequest): number {
  const prompt: Block[] = typeof system === 'string' ? [{ type: 'text', text: system }] : system;
  const texts = [...prompt, ...messages.flatMap(blocksOf)].map(textOf);
  const text = [...texts, ...tools.map((tool) => JSON.stringify(tool))].join('\n');
  const dense = text.match(DENSE)?.length ?? 0;
  return dense + Math.ceil((text.length - dense) / OTHERS_PER_TOKEN);
}

function textOf({ type, text, source, input, content }: Block): string {
  if (type === 'document') return source?.type === 'text' ? (source.data ?? '') : '';
  if (type === 'tool_use') return JSON.stringify(input);
  if (type !== 'tool_result' && type !== 'search_result') return text ?? '';
  return typeof content === 'string' ? content : JSON.stringify(content ?? '');
}
