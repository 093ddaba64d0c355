import { createHash } from 'node:crypto';
import type { Contents } from './upload.js';

/** The longest beginning that any type is told by. */
const HEAD_BYTES = 4096;

/** Looks at bytes as they pass. */
export class ContentProbe {
  private readonly hash = createHash('sha256');
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private readonly head: Buffer[] = [];
  private sizeBytes = 0;
  private isText = true;

  async *watch(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      if (this.sizeBytes < HEAD_BYTES) this.head.push(chunk.subarray(0, HEAD_BYTES - this.sizeBytes));
      this.sizeBytes += chunk.length;
      this.hash.update(chunk);
      this.isText &&= !chunk.includes(0) && this.decodes(chunk);
      yield chunk;
    }
    this.isText &&= this.decodes();
  }

  contents(): Contents {
    return {
      sizeBytes: this.sizeBytes,
      sha256: this.hash.digest('hex'),
      head: Buffer.concat(this.head),
      isText: this.isText,
    };
  }

  private decodes(chunk?: Buffer): boolean {
    try {
      this.decoder.decode(chunk, { stream: chunk !== undefined });
      return true;
    } catch {
      // Not text, which is no fault.
      return false;
    }
  }
}
