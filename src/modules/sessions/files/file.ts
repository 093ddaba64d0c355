import type { PdfFault } from '../../../platform/documents/pdf-reader.js';
import type { SniffedType } from '../../../platform/documents/sniffed-type.js';

/** What was found in a file's bytes. */
export interface FileFacts {
  mimeType: SniffedType;
  /** Of an image, in pixels. */
  width: number | null;
  height: number | null;
  /** Of a PDF that can be read. */
  pages: number | null;
  /** Why a PDF can not be read. */
  fault: PdfFault | null;
}

export interface StoredFile extends FileFacts {
  tenantId: string;
  id: string;
  name: string;
  sizeBytes: number;
  /** In hex. */
  sha256: string;
  createdBy: string | null;
  createdAt: Date;
}
