/** A tool as an agent can be given it, whatever stands behind it. */
export interface ToolDefinition {
  /** `server:tool`. */
  readonly name: string;
  readonly description: string;
  readonly inputSchema: Record<string, unknown>;
  /** False: a call that may have happened is never repeated by us. */
  readonly idempotent: boolean;
  readonly source: 'builtin';
}

/** Text for the model; an error is an answer too, which the model may act on. */
export interface ToolResult {
  readonly isError: boolean;
  readonly output: string;
}

/** A server of tools; its tools' names all start with `<name>:`. */
export interface ToolServer {
  readonly name: string;
  tools(): readonly ToolDefinition[];
  /** `tool` is the bare name, `input` has passed the tool's schema. */
  call(tool: string, input: Record<string, unknown>, signal: AbortSignal): Promise<ToolResult>;
}
