import { SealBroken, type Sealing } from '../../../platform/crypto/sealing.js';

/** What was sealed, as JSON; null where the key that sealed it is gone: then an account has to be connected anew. */
export function openedSecret(sealing: Sealing, sealed: string, place: string): unknown {
  try {
    return JSON.parse(sealing.open(sealed, place));
  } catch (error) {
    if (error instanceof SealBroken) return null;
    throw error;
  }
}
