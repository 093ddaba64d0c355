import { BadRequest, ValidationFailed, type DomainError } from '../../contracts/errors.js';
import { errorBody } from '../../platform/http/error-body.js';

/** Of JSON-RPC 2.0, section 5.1; the last is one of those that it leaves to servers. */
const PARSE_ERROR = -32_700;
const INVALID_REQUEST = -32_600;
const INVALID_PARAMS = -32_602;
const INTERNAL_ERROR = -32_603;
const REFUSED = -32_000;

/** JSON that is no message of JSON-RPC, or none that may come here. */
export class InvalidMessage extends BadRequest {}

/** A refused request as clients of JSON-RPC read it; what the REST API would have answered is its `data`. */
export function rpcErrorBody(error: DomainError, at: { correlationId: string; path: string }): object {
  const { error: _isError, message: text, ...data } = errorBody(error, at);
  return { jsonrpc: '2.0', id: null, error: { code: rpcCode(error), message: text, data } };
}

function rpcCode(error: DomainError): number {
  if (error instanceof InvalidMessage) return INVALID_REQUEST;
  if (error instanceof ValidationFailed) return INVALID_PARAMS;
  if (error.status === 400) return PARSE_ERROR;
  return error.status >= 500 ? INTERNAL_ERROR : REFUSED;
}
