import { serverOf } from '../tools/tool.js';
import { KNOWLEDGE_TOOL } from '../tools/tool-passages.js';
import type { AgentDefinition } from './agent-definition.js';

/** The patterns that name it; one for all tools does not. */
const KNOWLEDGE_PATTERNS = new Set([KNOWLEDGE_TOOL, `${serverOf(KNOWLEDGE_TOOL)}:*`]);

/**
 * The definition with those of its collections that are `kept`. Where that is the last one gone, `rag:search` goes with it:
 * without any of its own an agent looks into all there are, which nobody has said.
 */
export function withCollections(definition: AgentDefinition, kept: readonly string[]): AgentDefinition {
  const collectionIds = definition.collectionIds.filter((id) => kept.includes(id));
  const isLast = collectionIds.length === 0 && definition.collectionIds.length > 0;
  const tools = definition.tools.filter((tool) => !(isLast && KNOWLEDGE_PATTERNS.has(tool)));
  return { ...definition, collectionIds, tools };
}
