import { getDocumentProxy } from 'unpdf';
import { DocumentFault } from './document-fault.js';
import type { ParsedDocument } from './parsed-document.js';
import { PdfHeadings } from './pdf-headings.js';
import { pieceOf, type Piece } from './pdf-pieces.js';
import { inReadingOrder, linesOf } from './pdf-lines.js';
import { paragraphsOf } from './pdf-paragraphs.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

const MAX_PAGES = 20_000;

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

/** The text of a PDF as it is read: page by page, column by column, paragraphs in one piece. */
export async function parsePdf(bytes: Uint8Array, budget: WorkBudget): Promise<ParsedDocument> {
  const pdf = await opened(bytes);
  if (pdf.numPages > MAX_PAGES) throw new DocumentFault('too_large');
  const builder = new TextBuilder(budget);
  const headings = new PdfHeadings();
  for (let number = 1; number <= pdf.numPages; number++) {
    builder.page(number);
    for (const paragraph of paragraphsOf(inReadingOrder(linesOf(await piecesOf(pdf, number))))) {
      builder.blank();
      headings.note(paragraph, builder.next());
      builder.line(paragraph.text);
    }
  }
  for (const heading of headings.sections()) builder.sectionAt(heading);
  return builder.finish(await titleOf(pdf));
}

async function opened(bytes: Uint8Array): Promise<Pdf> {
  try {
    return await getDocumentProxy(bytes, { verbosity: 0 });
  } catch (error) {
    throw new DocumentFault((error as Error).name === 'PasswordException' ? 'password_required' : 'damaged');
  }
}

async function piecesOf(pdf: Pdf, number: number): Promise<Piece[]> {
  const page = await pdf.getPage(number);
  const view = page.getViewport({ scale: 1 }).transform as number[];
  const { items } = await page.getTextContent();
  const pieces = items.flatMap((item) => ('str' in item ? [pieceOf(item, view)] : []));
  page.cleanup();
  return pieces;
}

async function titleOf(pdf: Pdf): Promise<string | null> {
  const { info } = await pdf.getMetadata();
  const title = (info as { Title?: unknown }).Title;
  return typeof title === 'string' ? title : null;
}
