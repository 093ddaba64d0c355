import type { ToolResult } from '../../tools/tool.js';
import { outputText, shownHead } from '../../tools/tool-output.js';

/** A result as it is stored and shown. */
export interface ShownOutput {
  isError: boolean;
  output: string;
  truncated: boolean;
  /** The whole output where `output` is cut. */
  whole: string | null;
}

export function shownOutput(result: ToolResult): ShownOutput {
  return shownText(outputText(result), result.isError);
}

export function shownText(text: string, isError: boolean): ShownOutput {
  const head = shownHead(text);
  return { isError, output: head ?? text, truncated: head !== null, whole: head === null ? null : text };
}

/** Where the whole of a cut output is read. */
export function outputUrlOf(executionId: string): string {
  return `/api/v1/mcp/executions/${executionId}/output`;
}
