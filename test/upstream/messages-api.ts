/** The parts of a Messages API request that the fake upstream reads. */

/** Of an image or a document. */
export interface Source {
  type?: string;
  media_type?: string;
  data?: string;
}

export interface Block {
  type: string;
  text?: string;
  thinking?: string;
  signature?: string;
  data?: string;
  id?: string;
  name?: string;
  input?: unknown;
  tool_use_id?: string;
  content?: unknown;
  is_error?: boolean;
  cache_control?: unknown;
  /** Of a search result a text. */
  source?: Source;
  title?: unknown;
  citations?: unknown;
}

export interface Message {
  role: string;
  content: string | Block[];
}

export interface Tool {
  name: string;
  description?: string;
  input_schema?: { type?: string; properties?: Record<string, unknown>; required?: string[] };
  cache_control?: unknown;
}

export interface MessagesRequest {
  model: string;
  max_tokens: number;
  stream?: boolean;
  system?: string | Block[];
  messages: Message[];
  tools?: Tool[];
  temperature?: number;
  thinking?: { type?: string; display?: string };
}

export function blocksOf(message: Message): Block[] {
  return typeof message.content === 'string' ? [{ type: 'text', text: message.content }] : message.content;
}

/** The state of the application, which follows what a person says. */
export function isState({ text }: Block): boolean {
  return text?.startsWith('<application_state>') ?? false;
}

/** The last words of a person: text of the last user turn that has any. */
export function lastUserText(request: MessagesRequest): string {
  const turns = request.messages.filter((message) => message.role === 'user').map(blocksOf);
  for (const blocks of turns.reverse()) {
    const text = blocks
      .filter((block) => block.type === 'text' && !isState(block))
      .map((block) => block.text)
      .join('\n');
    if (text) return text;
  }
  return '';
}

/** All search results of a request, in the order by which citations number them. */
export function searchResultsOf({ messages }: MessagesRequest): Block[] {
  return messages
    .flatMap(blocksOf)
    .flatMap((block) =>
      block.type === 'tool_result' && Array.isArray(block.content) ? (block.content as Block[]) : [block],
    )
    .filter(({ type }) => type === 'search_result');
}
