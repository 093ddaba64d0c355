import { ToolSchemas } from './tool-schemas.js';

const schemas = new ToolSchemas(200);

/** What is wrong with an input by its tool's schema, both as JSON; null where nothing is. */
export default function judgeInput({ schema, input }: { schema: string; input: string }): string | null {
  return schemas.fault(schema, JSON.parse(input));
}
