/**
 * The framing of the Postgres wire protocol 3.0, as far as a server in front of one shared session needs it.
 * Source: PostgreSQL documentation, "Frontend/Backend Protocol", message formats.
 */

const PROTOCOL_3 = 196_608;
const CANCEL_REQUEST = 80_877_102;
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const MAX_STARTUP_BYTES = 10_000;
const MAX_MESSAGE_BYTES = 0x3fff_ffff;

const QUERY = 'Q'.charCodeAt(0);
const SYNC = 'S'.charCodeAt(0);
const FLUSH = 'H'.charCodeAt(0);
const FUNCTION_CALL = 'F'.charCodeAt(0);
const TERMINATE = 'X'.charCodeAt(0);

export type Opening = 'startup' | 'encryption' | 'cancel';

/** Whole messages up to one after which the server answers; only after `flush` does the exchange go on. */
export interface Exchange {
  bytes: Uint8Array;
  ends: 'complete' | 'flush' | 'terminate';
}

export class ProtocolFault extends Error {}

/** Cuts a client's byte stream into openings and exchanges, joining chunks only when something is complete. */
export class ClientStream {
  #chunks: Buffer[] = [];
  #size = 0;
  /** Bytes that must be there before looking again is worth it. */
  #needed = 1;
  /** Start of the first message not yet looked at; all before it belong to the open exchange. */
  #cursor = 0;

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** What a client sends before its first message; nothing while incomplete. */
  opening(): Opening | undefined {
    if (this.#size < 8) return undefined;
    const buffer = this.#joined();
    const length = buffer.readInt32BE(0);
    if (length < 8 || length > MAX_STARTUP_BYTES) throw new ProtocolFault('invalid length of startup packet');
    if (this.#size < length) return undefined;
    this.#drop(length);
    switch (buffer.readInt32BE(4)) {
      case SSL_REQUEST:
      case GSS_REQUEST:
        return 'encryption';
      case CANCEL_REQUEST:
        return 'cancel';
      case PROTOCOL_3:
        return 'startup';
      default:
        throw new ProtocolFault('unsupported frontend protocol');
    }
  }

  exchange(): Exchange | undefined {
    if (this.#size < this.#needed) return undefined;
    const buffer = this.#joined();
    while (this.#cursor + 5 <= this.#size) {
      const length = buffer.readInt32BE(this.#cursor + 1);
      if (length < 4 || length > MAX_MESSAGE_BYTES) throw new ProtocolFault('invalid message length');
      const end = this.#cursor + 1 + length;
      if (end > this.#size) {
        this.#needed = end;
        return undefined;
      }
      const type = buffer[this.#cursor];
      if (type === TERMINATE) return { bytes: buffer.subarray(0, 0), ends: 'terminate' };
      this.#cursor = end;
      if (type === QUERY || type === SYNC || type === FUNCTION_CALL || type === FLUSH) {
        this.#drop(end);
        const bytes = buffer.subarray(0, end);
        if (type === QUERY && mayCopyIn(bytes)) return { bytes: Buffer.concat([bytes, COPY_FAIL]), ends: 'complete' };
        return { bytes, ends: type === FLUSH ? 'flush' : 'complete' };
      }
    }
    this.#needed = this.#cursor + 5;
    return undefined;
  }

  #joined(): Buffer {
    const [first] = this.#chunks;
    const joined = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks, this.#size);
    this.#chunks = [joined];
    return joined;
  }

  #drop(length: number): void {
    const rest = this.#joined().subarray(length);
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
    this.#cursor = 0;
    this.#needed = 1;
  }
}

/**
 * Its data can't be read while it runs, and a missing end of data brings Postgres down. So the failure of the COPY is
 * sent along; after any other statement Postgres ignores it.
 */
function mayCopyIn(query: Buffer): boolean {
  return query.includes('stdin') || query.includes('STDIN');
}

/** A simple query; `sql` must not hold a NUL. */
export function queryMessage(sql: string): Uint8Array {
  return message('Q', Buffer.from(`${sql}\0`));
}

export function syncMessage(): Uint8Array {
  return message('S', Buffer.alloc(0));
}

export function startupMessage(parameters: Record<string, string>): Uint8Array {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${pairs.join('')}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(PROTOCOL_3, 4);
  return Buffer.concat([head, body]);
}

/** An ErrorResponse after which the server closes the connection. */
export function fatalMessage(sqlState: string, text: string): Uint8Array {
  return message('E', Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${text}\0\0`));
}

const COPY_FAIL = message('f', Buffer.from('COPY FROM STDIN does not work on the embedded database\0'));

function message(type: string, body: Buffer): Uint8Array {
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
