import type { Attachment, Email } from 'postal-mime';
import { documentType, type DocumentType } from '../document-type.js';
import { DocumentFault } from './document-fault.js';
import { parseHtmlText } from './html.js';
import type { ParsedDocument } from './parsed-document.js';
import { TextBuilder } from './text-builder.js';
import type { WorkBudget } from './work-budget.js';

const MAX_NESTED = 8;
const MAX_ATTACHMENTS = 100;

export type ParseInner = (bytes: Uint8Array, mimeType: DocumentType) => Promise<ParsedDocument>;

/** A mail, and what can be read of what is attached to it. `depth` mails are around this one. */
export async function parseEmail(
  bytes: Uint8Array,
  budget: WorkBudget,
  depth: number,
  parse: ParseInner,
): Promise<ParsedDocument> {
  const { default: PostalMime } = await import('postal-mime');
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: 50, forceRfc822Attachments: true });
  if (!isMail(mail)) throw new DocumentFault('damaged');
  const builder = new TextBuilder(budget);
  for (const line of headersOf(mail)) builder.line(line);
  writeBody(mail, builder, budget);
  for (const [index, attachment] of mail.attachments.entries()) {
    const name =
      attachment.filename ?? `${attachment.mimeType === 'message/rfc822' ? 'message' : 'attachment'} ${index + 1}`;
    if (attachment.related && attachment.mimeType.startsWith('image/')) continue;
    await writeAttachment(
      { name, attachment, isTooMuch: index >= MAX_ATTACHMENTS || depth >= MAX_NESTED },
      builder,
      parse,
    );
  }
  return builder.finish(mail.subject ?? null);
}

function isMail(mail: Email): boolean {
  return mail.headers.some(({ key }) =>
    ['from', 'to', 'subject', 'date', 'received', 'message-id', 'content-type'].includes(key),
  );
}

function headersOf(mail: Email): string[] {
  const people = (list: Email['to']): string =>
    (list ?? []).map(({ name, address }) => (name && address ? `${name} <${address}>` : (address ?? name))).join(', ');
  const header = (key: string): string => mail.headers.find((one) => one.key === key)?.value ?? '';
  const lines = [
    ['From', people(mail.from ? [mail.from] : [])],
    ['To', people(mail.to)],
    ['Cc', people(mail.cc)],
    ['Date', header('date')],
    ['Subject', mail.subject ?? ''],
  ];
  return lines.filter(([, value]) => value !== '').map(([key, value]) => `${key}: ${value}`);
}

function writeBody(mail: Email, builder: TextBuilder, budget: WorkBudget): void {
  builder.blank();
  const text = mail.text ?? '';
  if (text.trim() !== '' || mail.html === undefined) {
    builder.paragraph(text);
    return;
  }
  try {
    builder.inner(parseHtmlText(mail.html, budget), 0);
  } catch (error) {
    if (!(error instanceof DocumentFault) || error.code !== 'no_text') throw error;
  }
}

interface Attached {
  name: string;
  attachment: Attachment;
  isTooMuch: boolean;
}

/** One that can't be read does not take the mail with it; what would be too much of all does. */
async function writeAttachment(
  { name, attachment, isTooMuch }: Attached,
  builder: TextBuilder,
  parse: ParseInner,
): Promise<void> {
  builder.heading(1, name);
  const type = isTooMuch ? null : typeOf(attachment, name);
  if (type === null) {
    builder.paragraph('(not read)');
    return;
  }
  try {
    builder.inner(await parse(bytesOf(attachment), type), 1);
  } catch (error) {
    const code = error instanceof DocumentFault ? error.code : 'damaged';
    if (code === 'too_large' || code === 'too_complex') throw error;
    builder.paragraph(`(not read: ${code.replace('_', ' ')})`);
  }
}

function typeOf(attachment: Attachment, name: string): DocumentType | null {
  const bytes = bytesOf(attachment);
  const head = Buffer.from(bytes.subarray(0, 4096));
  return documentType({ head, isText: !head.includes(0) && isUtf8(head), name, declared: attachment.mimeType });
}

function isUtf8(head: Buffer): boolean {
  return !head.toString('utf8').slice(0, -1).includes('\ufffd');
}

function bytesOf({ content }: Attachment): Uint8Array {
  return typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content);
}
