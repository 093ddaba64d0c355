import { BadRequest } from '../../contracts/errors.js';
import type { Envelope } from '../../contracts/live-events.js';
import { envelopeJson, oncePerEnvelope } from './once-per-envelope.js';

/** An envelope as one server-sent event; `id:` is its `seq`, and events without one are not replayed. */
export const sseEvent = oncePerEnvelope((envelope: Envelope): Buffer => {
  const id = 'seq' in envelope ? `id: ${envelope.seq}\n` : '';
  // JSON escapes line ends, so that the data is always one line.
  return Buffer.from(`${id}event: ${envelope.type}\ndata: ${envelopeJson(envelope)}\n\n`);
});

export const SSE_PING = ': ping\n\n';

/**
 * The `seq` after which a client wants to go on; 0 when it does not say.
 * @throws BadRequest when it is no number
 */
export function parseLastEventId(header: string | string[] | undefined): number {
  if (header === undefined || header === '') return 0;
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  throw new BadRequest('Last-Event-ID must be the id of an event of this stream');
}
