import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { ValidationFailed, type DomainError } from '../../contracts/errors.js';
import type { ToolAnswer } from './served.js';

export const ERROR_SCHEMA = {
  type: 'object',
  properties: { code: { type: 'string' }, message: { type: 'string' } },
  required: ['code', 'message'],
};

/** Of an object that is one thing when all is well, and another when it is not. */
export function outputSchema(properties: Record<string, object>, required: string[]): { type: 'object' } {
  const either = { anyOf: [{ required }, { required: ['error'] }] };
  return { type: 'object', properties: { ...properties, error: ERROR_SCHEMA }, ...either } as { type: 'object' };
}

export function toolResult({ isError, structured, texts = [JSON.stringify(structured)] }: ToolAnswer): CallToolResult {
  return { isError, content: texts.map((text) => ({ type: 'text', text })), structuredContent: structured };
}

/** What the model can read and act on. */
export function toolError(error: DomainError): CallToolResult {
  const { code, message, details, retryAfter } = error;
  const fields = error instanceof ValidationFailed ? { validationErrors: error.errors } : {};
  const told = { code, message, details, ...fields, ...(retryAfter !== undefined && { retryAfter }) };
  return toolResult({ isError: true, structured: { error: told }, texts: [`${code}: ${message}`] });
}
