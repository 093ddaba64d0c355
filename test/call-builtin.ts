import { outputText } from '../src/modules/tools/tool-output.js';
import type { ToolServer } from '../src/modules/tools/tool.js';

/** What a built-in answers, as text; without the way that calls take to it. */
export async function callBuiltin(
  server: ToolServer,
  name: string,
  input: Record<string, unknown>,
): Promise<{ isError: boolean; output: string }> {
  const tool = server.tools.find((candidate) => candidate.name === name);
  if (!tool) throw new Error(`${server.name} has no ${name}`);
  const { signal } = new AbortController();
  const result = await tool.call(input, { executionId: '', sessionId: null, runId: null, toolUseId: null, signal });
  return { isError: result.isError, output: outputText(result) };
}
