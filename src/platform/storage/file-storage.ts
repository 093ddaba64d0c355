import type { Readable } from 'node:stream';
import { isUuid } from '../http/id.decorator.js';

/** Where bytes are: made of ids of ours alone, never of a name. */
export interface StorageKey {
  readonly tenantId: string;
  readonly id: string;
}

/** The first and the last byte, counted from 0. */
export interface ByteRange {
  start: number;
  end: number;
}

export interface StoredBytes {
  key: StorageKey;
  storedAt: Date;
}

/** There are no bytes under this key: deleted, or on the disk of another machine. */
export class BytesMissing extends Error {}

/** Bytes of files, outside the database. What is put is there whole or not at all. */
export abstract class FileStorage {
  /** Resolves when the bytes would survive a power cut. @throws what `content` throws, and then nothing is left */
  abstract put(key: StorageKey, content: AsyncIterable<Uint8Array>): Promise<void>;

  /** @throws BytesMissing */
  abstract read(key: StorageKey, range?: ByteRange): Promise<Readable>;

  /** Does nothing where there are none. */
  abstract delete(key: StorageKey): Promise<void>;

  /** All that a tenant has. */
  abstract deleteAll(tenantId: string): Promise<void>;

  /** Everything that is stored, drafts that were never finished not counted. */
  abstract all(): AsyncIterable<StoredBytes>;

  /** Drafts that were begun before then and never finished: those who wrote them are gone. */
  abstract deleteDrafts(before: Date): Promise<void>;
}

/** Bytes of working directories that were put away: kept apart from files, whose sweeper would not know them. */
export abstract class ArchiveStorage extends FileStorage {}

/** Bytes of documents that were uploaded for retrieval; kept apart for the same reason. */
export abstract class DocumentStorage extends FileStorage {}

/** The whole of what is stored; for what is known to be small. @throws BytesMissing */
export async function readWhole(storage: FileStorage, key: StorageKey, range?: ByteRange): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of await storage.read(key, range)) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** @throws where a part is no id: a key can name nothing but what we have put */
export function assertKey({ tenantId, id }: StorageKey): void {
  if (!isUuid(tenantId) || !isUuid(id)) throw new Error('A storage key is made of two ids');
}
