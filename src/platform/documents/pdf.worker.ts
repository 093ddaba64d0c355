import { getDocumentProxy } from 'unpdf';
import { legible } from './parsing/pdf-pieces.js';

export interface PdfInput {
  bytes: Uint8Array;
  /** Text beyond these is left out; 0 pages reads none. */
  maxPages: number;
  maxCharacters: number;
}

export interface PdfContents {
  /** As many as the document says it has. */
  pages: number;
  text: string;
  /** There is more than was asked for. */
  isCut: boolean;
}

export type PdfReading = PdfContents | { fault: 'encrypted' | 'broken' };

/** Reads a PDF in a thread of its own: what others wrote may loop for ever or fill the memory. */
export default async function readPdf({ bytes, maxPages, maxCharacters }: PdfInput): Promise<PdfReading> {
  try {
    const pdf = await getDocumentProxy(bytes, { verbosity: 0 });
    const parts: string[] = [];
    let length = 0;
    const last = Math.min(pdf.numPages, maxPages);
    for (let number = 1; number <= last && length < maxCharacters; number++) {
      const page = await pdf.getPage(number);
      const { items } = await page.getTextContent({ disableNormalization: true });
      const text = items.map((item) => ('str' in item ? legible(item.str) + (item.hasEOL ? '\n' : '') : '')).join('');
      parts.push(text.trim());
      length += text.length;
      page.cleanup();
    }
    const text = parts.filter((part) => part !== '').join('\n\n');
    const isCut = parts.length < pdf.numPages || text.length > maxCharacters;
    // A page that can't be found is only noticed when it is asked for.
    if (pdf.numPages > 0 && maxPages === 0) await pdf.getPage(1);
    return { pages: pdf.numPages, text: text.slice(0, maxCharacters), isCut };
  } catch (error) {
    return { fault: (error as Error).name === 'PasswordException' ? 'encrypted' : 'broken' };
  }
}
