import { storableText } from '../../platform/database/storable.js';
import type { ToolResult } from './tool.js';

/** Characters of an output that the model is given; more would crowd out the conversation. */
const LONGEST_FOR_MODEL = 100_000;
/** Bytes up to which an output is shown whole. */
const LONGEST_SHOWN_BYTES = 1024 * 1024;

/** What a tool said, as text; what is none is named. */
export function outputText({ content, structuredContent }: ToolResult): string {
  const text = content.map(blockText).join('\n');
  return storableText(text === '' && structuredContent ? JSON.stringify(structuredContent) : text);
}

interface CalledTool {
  /** The model's own for the call. */
  id: string;
  output: string | null;
  truncated?: boolean;
  outputUrl?: string;
}

/** What the model is given of an output. */
export function forModel({ id, output, truncated, outputUrl }: CalledTool): string | null {
  if (output === null || (output.length <= LONGEST_FOR_MODEL && !truncated)) return output;
  const length = truncated ? 'it goes on' : `${output.length} characters`;
  const place = outputUrl ?? `the call ${id}`;
  return `${head(output, LONGEST_FOR_MODEL)}\n[cut: ${length}; the whole is kept at ${place}]`;
}

/** The beginning of an output that is too long to be shown; null where it is not. */
export function shownHead(output: string): string | null {
  return Buffer.byteLength(output) <= LONGEST_SHOWN_BYTES ? null : head(output, LONGEST_FOR_MODEL);
}

/** Not in the middle of a character. */
function head(text: string, length: number): string {
  return storableText(text.slice(0, /[\ud800-\udbff]/.test(text.charAt(length - 1)) ? length - 1 : length));
}

function blockText(block: ToolResult['content'][number]): string {
  switch (block.type) {
    case 'text':
      return block.text;
    case 'image':
    case 'audio':
      return `[${block.type} ${block.mimeType}, ${Buffer.byteLength(block.data, 'base64')} bytes]`;
    case 'resource':
      return 'text' in block.resource ? block.resource.text : `[resource ${block.resource.uri}]`;
    case 'resource_link':
      return `[resource ${block.uri}${block.name ? ` "${block.name}"` : ''}]`;
  }
}
