import type { Envelope } from '../../contracts/live-events.js';

/** Remembers what was made of an envelope for as long as the envelope lives: a thousand readers share one copy. */
export function oncePerEnvelope<T extends object | string>(make: (envelope: Envelope) => T): (envelope: Envelope) => T {
  const made = new WeakMap<Envelope, T>();
  return (envelope) => {
    let result = made.get(envelope);
    if (result === undefined) {
      result = make(envelope);
      made.set(envelope, result);
    }
    return result;
  };
}

export const envelopeJson = oncePerEnvelope((envelope) => JSON.stringify(envelope));
