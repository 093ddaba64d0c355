import { isDocumentType, type DocumentType } from '../document-type.js';
import { decodedText } from './decoded-text.js';
import { DocumentFault, type DocumentFaultCode } from './document-fault.js';
import type { ParsedDocument } from './parsed-document.js';
import { WorkBudget } from './work-budget.js';

export interface DocumentInput {
  bytes: Uint8Array;
  mimeType: string;
  /** Of text that does not say it itself. */
  charset?: string;
}

export type DocumentReading = { document: ParsedDocument } | { fault: DocumentFaultCode; cause: string };

/** Reads a document in a thread of its own: what others wrote may loop for ever or fill the memory. */
export default async function parseDocument({ bytes, mimeType, charset }: DocumentInput): Promise<DocumentReading> {
  try {
    if (bytes.length === 0) throw new DocumentFault('empty');
    if (!isDocumentType(mimeType)) throw new DocumentFault('unsupported');
    return { document: await parseAs(mimeType, bytes, { budget: new WorkBudget(), depth: 0, charset }) };
  } catch (error) {
    return { fault: codeOf(error), cause: (error as Error).name };
  }
}

interface Circumstances {
  budget: WorkBudget;
  /** Mails around it. */
  depth: number;
  charset?: string;
}

async function parseAs(
  type: DocumentType,
  bytes: Uint8Array,
  { budget, depth, charset }: Circumstances,
): Promise<ParsedDocument> {
  switch (type) {
    case 'application/pdf':
      return (await import('./pdf.js')).parsePdf(bytes, budget);
    case 'text/html':
      return (await import('./html.js')).parseHtml(bytes, budget, charset);
    case 'message/rfc822':
      return (await import('./email.js')).parseEmail(bytes, budget, depth, (inner, innerType) =>
        parseAs(innerType, inner, { budget, depth: depth + 1 }),
      );
    case 'application/vnd.openxmlformats-officedocument.wordprocessingml.document':
    case 'application/vnd.openxmlformats-officedocument.presentationml.presentation':
    case 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet':
      return parseOffice(bytes, budget);
    default:
      return parseText(type, decodedText(bytes, charset), budget);
  }
}

/** By what it holds: such files are renamed. */
async function parseOffice(bytes: Uint8Array, budget: WorkBudget): Promise<ParsedDocument> {
  const { OfficePackage } = await import('./office-package.js');
  const office = await OfficePackage.open(bytes, budget);
  switch (office.kind) {
    case 'document':
      return (await import('./docx.js')).parseDocx(office, budget);
    case 'presentation':
      return (await import('./pptx.js')).parsePptx(office, budget);
    case 'workbook':
      return (await import('./xlsx.js')).parseXlsx(office, budget);
  }
}

async function parseText(type: DocumentType, text: string, budget: WorkBudget): Promise<ParsedDocument> {
  if (text.trim() === '') throw new DocumentFault('empty');
  switch (type) {
    case 'text/csv':
      return (await import('./csv.js')).parseCsv(text, budget);
    case 'text/tab-separated-values':
      return (await import('./csv.js')).parseCsv(text, budget, '\t');
    case 'application/json':
      return (await import('./json.js')).parseJson(text, budget);
    case 'application/x-ndjson':
      return (await import('./json.js')).parseJsonLines(text, budget);
    case 'text/markdown':
      return (await import('./markdown.js')).parseMarkdown(text, budget);
    default:
      return (await import('./markdown.js')).parsePlain(text, budget);
  }
}

/** What a parser throws by itself says that the bytes are not as they must be; or that they are too many for it. */
function codeOf(error: unknown): DocumentFaultCode {
  if (error instanceof DocumentFault) return error.code;
  if (!(error instanceof RangeError)) return 'damaged';
  if (/call stack/i.test(error.message)) return 'too_complex';
  return /invalid (string|array|typed array) length|allocation/i.test(error.message) ? 'too_large' : 'damaged';
}
