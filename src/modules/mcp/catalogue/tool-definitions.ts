import { createHash } from 'node:crypto';
import { storableJson } from '../../../platform/database/storable.js';

/** A tool as its server describes it; what is looked at when it is agreed to. */
export interface ListedDefinition {
  name: string;
  title?: string;
  description?: string;
  inputSchema: Record<string, unknown>;
  outputSchema?: Record<string, unknown>;
  annotations?: Record<string, unknown>;
}

export interface HashedDefinition {
  definition: ListedDefinition;
  hash: string;
}

/** What of a list can be used, and what was left out. */
export interface ToolList {
  tools: HashedDefinition[];
  notes: string[];
}

export const MOST_TOOLS = 1_000;
const MOST_NOTES = 50;
const DEFINITION_BYTES = 64 * 1024;
const LIST_BYTES = 4 * 1024 * 1024;
/**
 * Whatever can be read, but no colon, which ends a server's name, and no asterisk, which stands for any name. Models get
 * theirs from `WireNames`.
 */
const NAME = /^[^\p{C}\p{Z}:*]([^\p{C}\p{Zl}\p{Zp}:*]{0,126}[^\p{C}\p{Z}:*])?$/u;

/** Of a list as it came: each tool once, those that can be used, in their order. */
export function definitionsOf(items: readonly unknown[]): ToolList {
  const tools = new Map<string, HashedDefinition>();
  const notes: string[] = [];
  let bytes = 0;
  const leftOut = (index: number, name: unknown, why: string): void => {
    const called = typeof name === 'string' ? JSON.stringify(name.slice(0, 150).toWellFormed()) : `number ${index + 1}`;
    if (notes.length < MOST_NOTES) notes.push(`Tool ${called} was left out: ${why}`);
  };
  for (const [index, item] of items.entries()) {
    const tool = isObject(item) ? item : {};
    const fault = faultOf(tool, tools);
    if (fault !== null) {
      leftOut(index, tool['name'], fault);
      continue;
    }
    const definition = definitionOf(tool);
    const text = JSON.stringify(definition);
    const size = Buffer.byteLength(text);
    if (size > DEFINITION_BYTES)
      leftOut(index, definition.name, `its definition is larger than ${DEFINITION_BYTES} bytes`);
    else if (bytes + size > LIST_BYTES)
      leftOut(index, definition.name, `the definitions are larger than ${LIST_BYTES} bytes`);
    else {
      bytes += size;
      tools.set(definition.name, { definition, hash: createHash('sha256').update(text).digest('hex') });
    }
  }
  return { tools: [...tools.values()], notes };
}

function faultOf(tool: Record<string, unknown>, tools: ReadonlyMap<string, unknown>): string | null {
  const { name, description, inputSchema, outputSchema, annotations, execution } = tool;
  if (typeof name !== 'string' || !NAME.test(name))
    return 'a name has 1 to 128 characters that can be read, no colon, no asterisk, and no space around it';
  if (tools.has(name)) return 'the name came before';
  if (tools.size >= MOST_TOOLS) return `there are more than ${MOST_TOOLS}`;
  if (description !== undefined && typeof description !== 'string') return 'its description is no text';
  if (!isObject(inputSchema) || inputSchema['type'] !== 'object') return 'its inputSchema is not that of an object';
  if (outputSchema !== undefined && !isObject(outputSchema)) return 'its outputSchema is no object';
  if (annotations !== undefined && !isObject(annotations)) return 'its annotations are no object';
  if (isObject(execution) && execution['taskSupport'] === 'required') return 'it works only as a task';
  return null;
}

/** In one order of names, so that a definition that only was written differently is the same. */
function definitionOf({ name, title, description, inputSchema, outputSchema, annotations }: Record<string, unknown>) {
  const known = {
    name,
    title: typeof title === 'string' ? title : undefined,
    description,
    inputSchema,
    outputSchema,
    annotations,
  };
  const given = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
  return storableJson(given) as ListedDefinition;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
