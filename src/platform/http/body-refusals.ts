import type { IncomingHttpHeaders } from 'node:http';
import { BadRequest, DomainError } from '../../contracts/errors.js';

export function tooLarge(what: string, limitBytes: number): DomainError {
  return new DomainError('payload_too_large', 413, `${what} must not be larger than ${limitBytes} bytes`, {
    details: { limitBytes },
  });
}

export function unsupported(message: string): DomainError {
  return new DomainError('unsupported_media_type', 415, message);
}

export function cutOff(): BadRequest {
  return new BadRequest('The body was cut off');
}

/** @throws DomainError 415 */
export function assertNotEncoded(headers: IncomingHttpHeaders): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== '') throw unsupported('The body must be sent without a Content-Encoding');
}

export function hasBody(headers: IncomingHttpHeaders): boolean {
  return Number(headers['content-length'] ?? 0) !== 0 || headers['transfer-encoding'] !== undefined;
}
