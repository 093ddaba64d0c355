import { getDocumentProxy } from 'unpdf';
import { DocumentFault } from './document-fault.js';
import type { ParsedDocument } from './parsed-document.js';
import { PdfHeadings } from './pdf-headings.js';
import { pieceOf, type Piece } from './pdf-pieces.js';
import { inReadingOrder, linesOf, rowsOf, type PdfLine } from './pdf-lines.js';
import { Compounds, paragraphsOf } from './pdf-paragraphs.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

const MAX_PAGES = 20_000;
/** Pages whose words say how those parted at an end are written. */
const READ_AHEAD = 25;

type Pdf = Awaited<ReturnType<typeof getDocumentProxy>>;

/** The text of a PDF as it is read: page by page, column by column, paragraphs in one piece. */
export async function parsePdf(bytes: Uint8Array, budget: WorkBudget): Promise<ParsedDocument> {
  const pdf = await opened(bytes);
  if (pdf.numPages > MAX_PAGES) throw new DocumentFault('too_large');
  const builder = new TextBuilder(budget);
  const headings = new PdfHeadings();
  const compounds = new Compounds();
  let waiting: { number: number; lines: PdfLine[] }[] = [];
  for (let number = 1; number <= pdf.numPages; number++) {
    const lines = rowsOf(inReadingOrder(linesOf(await piecesOf(pdf, number))));
    for (const line of lines) compounds.note(line.text);
    waiting.push({ number, lines });
    if (waiting.length < READ_AHEAD && number < pdf.numPages) continue;
    for (const page of waiting) writePage(page, { builder, headings, compounds });
    waiting = [];
  }
  for (const heading of headings.sections()) builder.sectionAt(heading);
  return builder.finish(await titleOf(pdf));
}

function writePage(
  { number, lines }: { number: number; lines: PdfLine[] },
  { builder, headings, compounds }: { builder: TextBuilder; headings: PdfHeadings; compounds: Compounds },
): void {
  builder.page(number);
  for (const paragraph of paragraphsOf(lines, compounds)) {
    builder.blank();
    headings.note(paragraph, builder.next());
    builder.line(paragraph.text);
  }
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
  const view = page.getViewport({ scale: 1 }).transform;
  // It would turn letters around where it takes ligatures apart; `pieceOf` does that.
  const { items } = await page.getTextContent({ disableNormalization: true });
  const pieces = items.flatMap((item) => ('str' in item ? [pieceOf(item, view)] : []));
  page.cleanup();
  return pieces;
}

async function titleOf(pdf: Pdf): Promise<string | null> {
  const { info } = await pdf.getMetadata();
  const title = (info as { Title?: unknown }).Title;
  return typeof title === 'string' ? title : null;
}
