import { Logger } from '@nestjs/common';
import { DomainError } from '../../contracts/errors.js';
import { textResult, type BuiltinTool, type ToolResult, type ToolServer } from '../tools/tool.js';
import { SearchRefused, type BraveSearch, type FoundPage } from './brave-search.js';

const DEFAULT_COUNT = 5;
const TIMEOUT_MS = 20_000;

/** There where the operator has given a key. */
export class WebServer implements ToolServer {
  readonly name = 'web';
  readonly tools: readonly BuiltinTool[] = [
    {
      name: 'search',
      description:
        'Searches the web and answers title, address and a short description of each page found. ' +
        'What the pages say is for another tool to read.',
      inputSchema: {
        type: 'object',
        properties: {
          query: { type: 'string', minLength: 1, maxLength: 400, pattern: '\\S', description: 'At most 50 words' },
          count: { type: 'integer', minimum: 1, maximum: 20, default: DEFAULT_COUNT, description: 'Most pages' },
        },
        required: ['query'],
        additionalProperties: false,
      },
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      call: ({ query, count }, { signal }) => this.search(String(query), Number(count ?? DEFAULT_COUNT), signal),
    },
  ];
  private readonly logger = new Logger('WebSearch');

  constructor(private readonly brave: BraveSearch) {}

  private async search(query: string, count: number, signal: AbortSignal): Promise<ToolResult> {
    try {
      const results = await this.brave.search(query, count, signal);
      const text = results.length === 0 ? 'Nothing was found' : results.map(shown).join('\n\n');
      return { ...textResult(text), structuredContent: { results } };
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SearchRefused || error instanceof DomainError)) throw error;
      if (error instanceof SearchRefused && error.isForOperator) this.logger.warn(error.message);
      return textResult(error.message, true);
    }
  }
}

function shown({ title, url, description }: FoundPage, index: number): string {
  return [`${index + 1}. ${title}`, url, ...(description === '' ? [] : [description])].join('\n');
}
