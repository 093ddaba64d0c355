import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/** A sealed value that no key here opens, or that was sealed for another place, or was changed. */
export class SealBroken extends Error {
  constructor(reason: string, options?: ErrorOptions) {
    super(`A sealed value can not be opened: ${reason}`, options);
    this.name = 'SealBroken';
  }
}

interface Key {
  /** Tells which key sealed, and nothing of the key. */
  readonly id: string;
  readonly bytes: Buffer;
}

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** A random nonce is safe for some 2^32 values under one key. */
const SHAPE = /^v1\.([0-9a-f]{8})\.([\w-]{38,})$/;

/** Secrets at rest: AES-256-GCM under ENCRYPTION_KEY, of whose list the first seals and any opens. */
export class Sealing {
  private readonly keys: readonly [Key, ...Key[]];

  constructor(secrets: readonly string[]) {
    const [first, ...others] = secrets.map(keyOf);
    if (!first) throw new Error('There is no key to seal with');
    this.keys = [first, ...others];
  }

  /** `place`, such as `tenantId:kind:id`, must be the same on opening: moved to another row, it stays shut. */
  seal(text: string, place: string): string {
    const [key] = this.keys;
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, key.bytes, nonce).setAAD(boundTo(key.id, place));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${key.id}.${sealed.toString('base64url')}`;
  }

  /** @throws SealBroken */
  open(sealed: string, place: string): string {
    const [, keyId = '', data = ''] = SHAPE.exec(sealed) ?? [];
    if (keyId === '') throw new SealBroken('it is not of a known form');
    const key = this.keys.find(({ id }) => id === keyId);
    if (!key) throw new SealBroken(`ENCRYPTION_KEY has no key with the id ${keyId}`);
    const bytes = Buffer.from(data, 'base64url');
    const text = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
    const decipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES })
      .setAAD(boundTo(keyId, place))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(text), decipher.final()]).toString('utf8');
    } catch (error) {
      throw new SealBroken('it was changed, or sealed for another place', { cause: error });
    }
  }
}

function keyOf(secret: string): Key {
  const derived = (use: string, bytes: number): Buffer => Buffer.from(hkdfSync('sha256', secret, '', use, bytes));
  return { id: derived('atrium sealing key id', 4).toString('hex'), bytes: derived('atrium sealing key', 32) };
}

function boundTo(keyId: string, place: string): Buffer {
  return Buffer.from(`${VERSION}.${keyId}.${place}`, 'utf8');
}
