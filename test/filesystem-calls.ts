import { outputText } from '../src/modules/tools/tool-output.js';
import type { ToolResult, ToolServer } from '../src/modules/tools/tool.js';
import { Actor } from '../src/platform/access/actor.js';
import { runAs } from '../src/platform/access/scope.js';

export interface ToolAnswer {
  isError: boolean;
  output: string;
  content: ToolResult['content'];
}
export type CallTool = (name: string, input: Record<string, unknown>, signal?: AbortSignal) => Promise<ToolAnswer>;

/** Calls tools as a run of the session would, without the way there. */
export function toolCaller(server: ToolServer, tenantId: string, sessionId: string | null): CallTool {
  return async (name, input, signal = new AbortController().signal) => {
    const tool = server.tools.find((candidate) => candidate.name === name);
    if (!tool) throw new Error(`${server.name} has no ${name}`);
    const context = { executionId: '', sessionId, runId: null, toolUseId: null, signal };
    const result = await runAs(Actor.job(tenantId), () => tool.call(input, context));
    return { isError: result.isError, output: outputText(result), content: result.content };
  };
}
