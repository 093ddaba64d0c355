const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const SLIDES = 'application/vnd.openxmlformats-officedocument.presentationml.presentation';
const SHEETS = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

const TEXT_TYPES = [
  'text/plain',
  'text/markdown',
  'text/html',
  'text/csv',
  'text/tab-separated-values',
  'application/json',
  'application/x-ndjson',
  'message/rfc822',
] as const;
type TextType = (typeof TEXT_TYPES)[number];

/** Of what text can be read. */
export type DocumentType = TextType | 'application/pdf' | typeof WORD | typeof SLIDES | typeof SHEETS;

const TEXT_NAMES: Record<string, TextType | undefined> = {
  ...{ txt: 'text/plain', text: 'text/plain', log: 'text/plain' },
  ...{ md: 'text/markdown', markdown: 'text/markdown', mdx: 'text/markdown' },
  ...{ html: 'text/html', htm: 'text/html', xhtml: 'text/html' },
  ...{ csv: 'text/csv', tsv: 'text/tab-separated-values', tab: 'text/tab-separated-values' },
  ...{ json: 'application/json', jsonl: 'application/x-ndjson', ndjson: 'application/x-ndjson', eml: 'message/rfc822' },
};

const OFFICE_NAMES: Record<string, DocumentType | undefined> = {
  ...{ docx: WORD, docm: WORD, dotx: WORD, dotm: WORD },
  ...{ pptx: SLIDES, pptm: SLIDES, ppsx: SLIDES, ppsm: SLIDES, potx: SLIDES, potm: SLIDES },
  ...{ xlsx: SHEETS, xlsm: SHEETS, xltx: SHEETS, xltm: SHEETS },
};

/** Text to a computer, but not to be read. */
const NO_DOCUMENTS = /^\s*(\{\\rtf|%!PS|(<\?xml[^>]*>\s*)?(<!--[^]*?-->\s*)?(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>])/i;

const ALL = new Set<string>([...TEXT_TYPES, 'application/pdf', WORD, SLIDES, SHEETS]);

export function isDocumentType(type: string): type is DocumentType {
  return ALL.has(type);
}

interface DocumentFile {
  /** Its first bytes, 4,096 or all. */
  head: Buffer;
  /** It is UTF-8 without NUL, all of it. */
  isText: boolean;
  name: string;
  /** The type it came with, such as that of an answer from the web. */
  declared?: string;
}

/**
 * What a document is by its first bytes, whatever it is said to be; its name, or what it is declared as, only tells apart
 * kinds of text and of Office documents. Null for what can't be read.
 */
export function documentType({ head, isText, name, declared }: DocumentFile): DocumentType | null {
  const extension = /\.([a-z0-9]+)$/i.exec(name.trim())?.[1]?.toLowerCase() ?? '';
  const said = declared?.split(';')[0]?.trim().toLowerCase() ?? '';
  const start = head.toString('latin1');
  if (/^(\xef\xbb\xbf)?\s{0,100}%PDF-/.test(start)) return 'application/pdf';
  const office = OFFICE_NAMES[extension] ?? [WORD, SLIDES, SHEETS].find((type) => type === said);
  // An encrypted Office document, which is kept so, is told to be one by its name only.
  if (start.startsWith('\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) return (office as DocumentType | undefined) ?? null;
  if (start.startsWith('PK\x03\x04')) return (office as DocumentType | undefined) ?? officeByParts(start);
  if (!isText && !isOtherText(head)) return null;
  return NO_DOCUMENTS.test(start.replaceAll('\0', '')) ? null : textType(extension, said, start);
}

function officeByParts(start: string): DocumentType | null {
  if (start.includes('word/')) return WORD;
  if (start.includes('ppt/')) return SLIDES;
  return start.includes('xl/') ? SHEETS : null;
}

function textType(extension: string, said: string, start: string): TextType {
  const named = TEXT_NAMES[extension];
  if (named) return named;
  const declared = said === 'application/xhtml+xml' ? 'text/html' : TEXT_TYPES.find((type) => type === said);
  if (declared && declared !== 'text/plain') return declared;
  if (/^(\xef\xbb\xbf)?\s*(<!doctype html|<html[\s>])/i.test(start)) return 'text/html';
  return /^[\w-]+:.*\r?\n([\w-]+:.*\r?\n|[ \t].*\r?\n)*/
    .exec(start)?.[0]
    .match(/^(from|date|message-id|mime-version|received):/gim)?.[2]
    ? 'message/rfc822'
    : 'text/plain';
}

/** UTF-16, or an encoding from before Unicode: nothing in it but letters and what moves the pen. */
function isOtherText(head: Buffer): boolean {
  if (head.length === 0) return false;
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return head.length > 2;
  const zeros = [0, 0];
  let controls = 0;
  for (const [at, byte] of head.entries()) {
    if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
    else if (byte < 0x20 && !(byte >= 0x08 && byte <= 0x0d) && byte !== 0x1b) controls++;
  }
  const [high = 0, low = 0] = zeros;
  if (controls > head.length * 0.002) return false;
  return high + low === 0 || (Math.max(high, low) > head.length * 0.15 && Math.min(high, low) < head.length * 0.01);
}
