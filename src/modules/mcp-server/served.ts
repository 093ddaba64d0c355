import type {
  GetPromptResult,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
  Tool,
} from '@modelcontextprotocol/sdk/types.js';
import type { Permission } from '../../contracts/permissions.js';

export interface ToolCall {
  /** The client is gone, or waits no longer. */
  readonly signal: AbortSignal;
  /** Tells the client how it goes; null when it does not want to know. */
  readonly progress: ((message: string) => void) | null;
}

export interface ToolAnswer {
  readonly isError: boolean;
  /** As the tool's output schema says. */
  readonly structured: Record<string, unknown>;
  /** For the model; absent: the JSON of `structured`. */
  readonly texts?: readonly string[];
}

export interface ServedTool {
  readonly definition: Tool;
  readonly permission: Permission;
  /** `input` has passed the definition's schema. Errors of the domain become answers. */
  call(input: Record<string, unknown>, call: ToolCall): Promise<ToolAnswer>;
}

export interface Listed<Item> {
  readonly items: Item[];
  readonly nextCursor: string | null;
}

export interface ServedResources {
  /** Names them in cursors. */
  readonly name: string;
  readonly permission: Permission;
  readonly template: ResourceTemplate;
  list(cursor: string | undefined): Promise<Listed<Resource>>;
  /** Null for a URI that is not one of these; otherwise what is there. @throws NotFound */
  read(uri: string): Promise<ReadResourceResult | null>;
}

export interface ServedPrompts {
  readonly name: string;
  readonly permission: Permission;
  list(cursor: string | undefined): Promise<Listed<Prompt>>;
  /** Null when there is none of this name. */
  get(name: string): Promise<GetPromptResult | null>;
}
