import type { Passage } from '../../contracts/passage.js';
import { textResult, type ToolResult } from './tool.js';

/** Finds passages of documents. No tenant's server can have its name, so whatever is stored as its output is ours. */
export const KNOWLEDGE_TOOL = 'rag:search';

/** Characters of passages in one result; more would crowd out the conversation, and cut JSON is none. */
const MOST_CHARACTERS = 60_000;

interface CalledTool {
  name: string;
  isError: boolean | null;
  output: string | null;
  truncated?: boolean;
}

/** The output is all that is kept of passages, and says all: people, models that know no citations and `passagesOf` read it. */
export function passagesResult(passages: readonly Passage[]): ToolResult {
  const shown: Passage[] = [];
  let left = MOST_CHARACTERS;
  for (const { chunkId, documentId, title, page = null, headingPath = [], content } of passages) {
    left -= content.length;
    if (left < 0 && shown.length > 0) break;
    shown.push({ chunkId, documentId, title, page, headingPath, content });
  }
  return textResult(JSON.stringify({ passages: shown }));
}

/** What an answer may cite of a call's result; null where it is of no kind that can be cited. */
export function passagesOf({ name, isError, output, truncated }: CalledTool): Passage[] | null {
  if (name !== KNOWLEDGE_TOOL || isError !== false || output === null || truncated) return null;
  try {
    return (JSON.parse(output) as { passages?: Passage[] }).passages ?? null;
  } catch {
    // Stored by a version that wrote it otherwise: it stays readable, and is not cited.
    return null;
  }
}
