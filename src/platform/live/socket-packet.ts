import type { Envelope } from '../../contracts/live-events.js';
import { envelopeJson, oncePerEnvelope } from './once-per-envelope.js';

interface SocketPacket {
  /** An EVENT packet of the Socket.IO protocol (revision 5) in the main namespace. */
  text: string;
  /** What engine.io's `write` takes; with the ready-made frame all WebSockets share the same bytes. */
  options: { compress: false; wsPreEncodedFrame: Buffer[] };
  bytes: number;
}

/** An envelope as the Socket.IO event named `event`. */
export const socketPacket = oncePerEnvelope((envelope: Envelope): SocketPacket => {
  const text = `2["event",${envelopeJson(envelope)}]`;
  // 4 is engine.io's type of a message.
  const frame = textFrame(Buffer.from(`4${text}`));
  return { text, options: { compress: false, wsPreEncodedFrame: [frame] }, bytes: frame.length };
});

/** An unmasked, final text frame (RFC 6455, section 5.2). */
function textFrame(payload: Buffer): Buffer {
  return Buffer.concat([textFrameHeader(payload.length), payload]);
}

function textFrameHeader(length: number): Buffer {
  if (length < 126) return Buffer.from([0x81, length]);
  if (length < 65_536) {
    const header = Buffer.from([0x81, 126, 0, 0]);
    header.writeUInt16BE(length, 2);
    return header;
  }
  const header = Buffer.alloc(10);
  header.writeUInt16BE(0x817f, 0);
  header.writeBigUInt64BE(BigInt(length), 2);
  return header;
}
