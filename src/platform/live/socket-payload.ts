import type { Type } from '@nestjs/common';
import { BadRequest, ValidationFailed } from '../../contracts/errors.js';
import { textFault } from '../http/text-faults.js';
import { ValidationPipe } from '../http/validation.pipe.js';

/** Deeper ones are refused as bodies are. */
const MAX_DEPTH = 64;

const validation = new ValidationPipe();

/** The message's one argument as its DTO; validated as request bodies are. Throws `BadRequest` or `ValidationFailed`. */
export async function socketPayload<P extends object>(type: Type<P>, args: readonly unknown[]): Promise<P> {
  if (args.length > 1) throw new BadRequest('A message takes one object');
  const [payload = {}] = args;
  if (holdsBytes(payload, 0)) throw new BadRequest('A message takes JSON, no binary data');
  const fault = textFault(payload, 'body');
  if (fault) throw new ValidationFailed([fault]);
  return (await validation.transform(payload, { type: 'body', metatype: type })) as P;
}

/** Socket.IO puts attachments in as buffers, whose every byte would count as a field. */
function holdsBytes(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return false;
  return Buffer.isBuffer(value) || Object.values(value).some((part) => holdsBytes(part, depth + 1));
}
