import { ValidationFailed } from '../../contracts/errors.js';
import { mergePatch } from './merge-patch.js';

const MAX_BYTES = 64 * 1024;

type Context = Record<string, unknown>;

/** What is wrong with a context, in a sentence about `context`; null when nothing is. */
export function contextFault(context: Context): string | null {
  const isTooLarge = Buffer.byteLength(JSON.stringify(context)) > MAX_BYTES;
  return isTooLarge ? `context must not be larger than ${MAX_BYTES} bytes of JSON` : null;
}

/** RFC 7396. @throws ValidationFailed when the outcome is too large */
export function patchedContext(context: Context, patch: Context): Context {
  const patched = mergePatch(context, patch);
  const fault = contextFault(patched);
  if (fault !== null) throw ValidationFailed.of('context', fault);
  return patched;
}
