import { Injectable } from '@nestjs/common';
import { BoundedWork, WorkExceeded, type WorkOptions } from '../compute/bounded-work.js';
import type readPdf from './pdf.worker.js';
import type { PdfContents } from './pdf.worker.js';

const MODULE = new URL('./pdf.worker.js', import.meta.url);
const TEXT_LIMIT_MS = 15_000;
/** Someone waits for the answer to an upload. */
const INSPECTION_LIMIT_MS = 10_000;
const MAX_PAGES = 1000;
const MAX_CHARACTERS = 500_000;

/** Why nothing can be said of a PDF: it wants a password, is no whole PDF, or takes more time or memory than it may. */
export type PdfFault = 'encrypted' | 'broken' | 'too_complex';

/** Reads PDFs of strangers within limits. */
@Injectable()
export class PdfReader {
  constructor(private readonly work: BoundedWork) {}

  /** How many pages it has. Its bytes are asked for when its turn has come. */
  async inspect(bytes: () => Promise<Uint8Array>): Promise<Pick<PdfContents, 'pages'> | { fault: PdfFault }> {
    return this.read(bytes, 0, { limitMs: INSPECTION_LIMIT_MS });
  }

  /** The text of its pages, empty where they are pictures; for runs, which wait for their turn. */
  async text(bytes: Uint8Array): Promise<PdfContents | { fault: PdfFault }> {
    return this.read(() => Promise.resolve(bytes), MAX_PAGES, { limitMs: TEXT_LIMIT_MS, patient: true });
  }

  private async read(
    bytes: () => Promise<Uint8Array>,
    maxPages: number,
    options: WorkOptions,
  ): Promise<PdfContents | { fault: PdfFault }> {
    try {
      const input = async () => ({ bytes: await bytes(), maxPages, maxCharacters: MAX_CHARACTERS });
      return await this.work.run<typeof readPdf>(MODULE, input, { ...options, line: 'long' });
    } catch (error) {
      if (error instanceof WorkExceeded) return { fault: 'too_complex' };
      throw error;
    }
  }
}
