import { ErrorCode, McpError, type CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { ValidationFailed, type DomainError } from '../../contracts/errors.js';
import type { ToolAnswer } from './served.js';

/** What the protocol says for a resource that is not there. */
const RESOURCE_NOT_FOUND = -32_002;

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

/** For requests whose answer has no place for errors of its own. */
export function rpcError({ code, status, message }: DomainError): McpError {
  if (status === 404) return new McpError(RESOURCE_NOT_FOUND, message, { code });
  if (status === 400 || status === 422) return new McpError(ErrorCode.InvalidParams, message, { code });
  return new McpError(ErrorCode.InternalError, message, { code });
}
