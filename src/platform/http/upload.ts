import type { FileStorage, StorageKey } from '../storage/file-storage.js';

/** What is known of a file's bytes when all of them have passed. */
export interface Contents {
  sizeBytes: number;
  /** In hex. */
  sha256: string;
  /** The first bytes, enough to tell of what type the file is. */
  head: Buffer;
  /** UTF-8 without NUL. */
  isText: boolean;
}

/**
 * A file of a multipart body, stored already and deleted when the request ends, unless it is kept. Its enumerable fields
 * are what makes two requests the same.
 */
export class Upload {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly #key: StorageKey;
  readonly #contents: Contents;
  #isKept = false;

  constructor(name: string, key: StorageKey, contents: Contents) {
    this.name = name;
    this.sizeBytes = contents.sizeBytes;
    this.sha256 = contents.sha256;
    this.#key = key;
    this.#contents = contents;
  }

  get key(): StorageKey {
    return this.#key;
  }

  get head(): Buffer {
    return this.#contents.head;
  }

  get isText(): boolean {
    return this.#contents.isText;
  }

  /** To be called before the row that names it is written: bytes without a row are swept up, a row without bytes is lost. */
  keep(): void {
    this.#isKept = true;
  }

  async deleteUnlessKept(storage: FileStorage): Promise<void> {
    if (!this.#isKept) await storage.delete(this.#key);
  }
}
