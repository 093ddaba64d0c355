import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { Readable } from 'node:stream';
import { DocumentFault } from './document-fault.js';
import type { WorkBudget } from './work-budget.js';

const MAX_ENTRIES = 20_000;

/** The parts of an Office document. */
export class ZipPackage {
  private readonly zip: ZipFile;
  private readonly entries: Map<string, Entry>;
  private readonly budget: WorkBudget;

  private constructor(zip: ZipFile, entries: Map<string, Entry>, budget: WorkBudget) {
    this.zip = zip;
    this.entries = entries;
    this.budget = budget;
  }

  /** @throws DocumentFault, and Error when it is no whole zip */
  static async open(bytes: Uint8Array, budget: WorkBudget): Promise<ZipPackage> {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const zip = await yauzl.fromBufferPromise(buffer, { lazyEntries: true, autoClose: false });
    if (zip.entryCount > MAX_ENTRIES) throw new DocumentFault('too_complex');
    const entries = new Map<string, Entry>();
    for await (const entry of zip.eachEntry()) entries.set(entry.fileName.toLowerCase(), entry);
    return new ZipPackage(zip, entries, budget);
  }

  has(path: string): boolean {
    return this.entries.has(path.toLowerCase());
  }

  /** Nothing where there is no such part. What it unpacks to is counted as it comes. */
  async *chunks(path: string): AsyncGenerator<Uint8Array> {
    const entry = this.entries.get(path.toLowerCase());
    if (!entry) return;
    if (entry.isEncrypted()) throw new DocumentFault('password_required');
    const stream: Readable = await this.zip.openReadStreamPromise(entry);
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      this.budget.unpack(chunk.length);
      yield chunk;
    }
  }
}
