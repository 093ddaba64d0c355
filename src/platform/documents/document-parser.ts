import { Injectable } from '@nestjs/common';
import { BoundedWork, WorkExceeded } from '../compute/bounded-work.js';
import type { DocumentFaultCode } from './parsing/document-fault.js';
import type parseDocument from './parsing/parse-document.worker.js';
import type { DocumentInput, DocumentReading } from './parsing/parse-document.worker.js';
import type { ParsedDocument } from './parsing/parsed-document.js';

const MODULE = new URL('./parsing/parse-document.worker.js', import.meta.url);
const LIMIT_MS = 120_000;

const MESSAGES: Record<DocumentFaultCode, string> = {
  password_required: 'The document is protected by a password; upload a copy without one',
  empty: 'There is nothing in the document',
  no_text: 'The document holds no text; pictures of text, such as scanned pages, must be made text (OCR) first',
  damaged: 'The document is damaged or incomplete; open it, save it anew and upload that copy',
  too_large: 'The document holds more than can be taken in; upload it in several parts',
  too_complex: 'The document takes too much time or memory to read; upload it in several parts or in a simpler format',
  unsupported: 'Documents of this kind can not be read; upload it as PDF, Word (DOCX), HTML or text',
};

/** A document gives no text; its message is for who uploaded it. */
export class DocumentUnreadable extends Error {
  /** The cause is the name of the error underneath, for logs. */
  constructor(
    readonly code: DocumentFaultCode,
    cause?: string,
  ) {
    super(MESSAGES[code], { cause });
  }
}

export interface DocumentKind {
  /** As `documentType` told it. */
  mimeType: string;
  /** Of text that does not say it itself, as the answer of a web server may have. */
  charset?: string;
}

/** Makes text of the documents of strangers, within limits of time, memory and size. */
@Injectable()
export class DocumentParser {
  constructor(private readonly work: BoundedWork) {}

  /**
   * Waits for its turn; the bytes are asked for when it has come.
   * @throws DocumentUnreadable, and the signal's reason
   */
  async parse(
    bytes: () => Promise<Uint8Array>,
    { mimeType, charset }: DocumentKind,
    signal?: AbortSignal,
  ): Promise<ParsedDocument> {
    const reading = await this.read(async () => ({ bytes: await bytes(), mimeType, charset }), signal);
    if ('document' in reading) return reading.document;
    throw new DocumentUnreadable(reading.fault, reading.cause);
  }

  private async read(input: () => Promise<DocumentInput>, signal?: AbortSignal): Promise<DocumentReading> {
    try {
      return await this.work.run<typeof parseDocument>(MODULE, input, {
        ...{ limitMs: LIMIT_MS, line: 'documents', patient: true, signal },
      });
    } catch (error) {
      if (error instanceof WorkExceeded) return { fault: 'too_complex', cause: error.of };
      throw error;
    }
  }
}
