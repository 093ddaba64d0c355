import { ToolSchemas } from './tool-schemas.js';

/** For each schema, as JSON, why no input can be held against it, or null. */
export default function judgeSchemas(texts: readonly string[]): (string | null)[] {
  const schemas = new ToolSchemas(1);
  return texts.map((text) => schemas.flaw(text));
}
