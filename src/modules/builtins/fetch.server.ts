import { Injectable } from '@nestjs/common';
import { DomainError } from '../../contracts/errors.js';
import { BoundedWork, WorkExceeded } from '../../platform/compute/bounded-work.js';
import { GuardedFetch } from '../../platform/egress/guarded-fetch.js';
import { textResult, type BuiltinTool, type ToolResult, type ToolServer } from '../tools/tool.js';
import { pageBody, type PageBody } from './page-body.js';
import type pageText from './page-text.worker.js';

const PAGE_TEXT = new URL('./page-text.worker.js', import.meta.url);
const READ_LIMIT_MS = 10_000;
const TIMEOUT_MS = 30_000;
/** Of what a server says beside an error. */
const LONGEST_ERROR = 2_000;
const HEADERS = {
  accept: 'text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,application/xml;q=0.8,*/*;q=0.1',
};

@Injectable()
export class FetchServer implements ToolServer {
  readonly name = 'fetch';
  readonly tools: readonly BuiltinTool[] = [
    {
      name: 'fetch',
      description: 'Fetches a web page or another text (JSON, XML, CSV …) by its URL and answers it as plain text.',
      inputSchema: {
        type: 'object',
        properties: { url: { type: 'string', minLength: 1, maxLength: 4000, description: 'http:// or https://' } },
        required: ['url'],
        additionalProperties: false,
      },
      idempotent: true,
      timeoutMs: TIMEOUT_MS,
      call: ({ url }, { signal }) => this.fetch(String(url), signal),
    },
  ];

  constructor(
    private readonly guarded: GuardedFetch,
    private readonly work: BoundedWork,
  ) {}

  private async fetch(url: string, signal: AbortSignal): Promise<ToolResult> {
    try {
      // Larger pages are cut while they are read.
      const fetch = this.guarded.with({ headersTimeoutMs: null, maxBytes: null });
      const response = await fetch(url, { headers: HEADERS, signal });
      const body = await pageBody(response);
      const text = body && (await this.textOf(body, response.url, signal));
      if (!response.ok) return textResult(`Status ${response.status}\n\n${(text ?? '').slice(0, LONGEST_ERROR)}`, true);
      if (text === null) return textResult(`It is no text: ${response.headers.get('content-type') ?? 'unknown'}`, true);
      return textResult(body?.isCut ? `${text}\n\n[cut: the page is longer]` : text);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof DomainError) return textResult(error.message, true);
      if (error instanceof WorkExceeded) return textResult('The page is too complex to be read', true);
      throw error;
    }
  }

  private async textOf({ type, text }: PageBody, url: string, signal: AbortSignal): Promise<string> {
    const isHtml = /html/.test(type) || (type === '' && /^\s*<(!doctype|html)/i.test(text));
    if (!isHtml) return text;
    const options = { limitMs: READ_LIMIT_MS, patient: true, signal };
    return this.work.run<typeof pageText>(PAGE_TEXT, { html: text, url }, options);
  }
}
