import { storableText } from '../../platform/database/storable.js';
import type { ToolProgress } from './tool.js';

/** It is for people who look on; a server that says more has a result to say it in. */
const LONGEST_MESSAGE = 1_000;

/** Progress as it can be stored and shown, whatever a tool says; null where it tells no number. */
export function storableProgress({ progress, total, message }: ToolProgress): ToolProgress | null {
  if (!Number.isFinite(progress)) return null;
  return {
    progress,
    ...(Number.isFinite(total) && { total }),
    // Cut first: a pair that is cut in half is no character any more.
    ...(message !== undefined && { message: storableText(message.slice(0, LONGEST_MESSAGE)) }),
  };
}
