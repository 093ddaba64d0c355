import { expect } from '@jest/globals';
import { type DocumentParser, DocumentUnreadable } from '../src/platform/documents/document-parser.js';
import type { DocumentType } from '../src/platform/documents/document-type.js';
import type { ParsedDocument } from '../src/platform/documents/parsing/parsed-document.js';

export const WORD = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
export const SLIDES = 'application/vnd.openxmlformats-officedocument.presentationml.presentation';
export const SHEETS = 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet';

/** What became of a document: its text and the rest, all as it is promised to be, or the code of why not. */
export async function outcomeOf(
  parser: DocumentParser,
  bytes: Uint8Array | string,
  mimeType: DocumentType,
): Promise<ParsedDocument | string> {
  try {
    const parsed = await parser.parse(() => Promise.resolve(Buffer.from(bytes)), { mimeType });
    expectSound(parsed);
    return parsed;
  } catch (error) {
    if (!(error instanceof DocumentUnreadable)) throw error;
    expect(error.message).toMatch(/^[A-Z][^{}<>]{20,200}$/);
    return error.code;
  }
}

export async function parsedOf(
  parser: DocumentParser,
  bytes: Uint8Array | string,
  mimeType: DocumentType,
): Promise<ParsedDocument> {
  const outcome = await outcomeOf(parser, bytes, mimeType);
  if (typeof outcome === 'string') throw new Error(`unreadable: ${outcome}`);
  return outcome;
}

function expectSound({ text, title, sections, pages }: ParsedDocument): void {
  expect(text).toMatch(/[\p{L}\p{N}\p{P}\p{S}]/u);
  expect(/[^\P{Cc}\n\t]/u.test(text)).toBe(false);
  expect(text.isWellFormed()).toBe(true);
  expect(text.normalize('NFC') === text).toBe(true);
  expect(title === null || title.trim() !== '').toBe(true);
  for (const marks of [sections, pages]) {
    const starts = marks.map(({ start }) => start);
    expect(starts).toEqual(starts.toSorted((one, other) => one - other));
    for (const start of starts) expect(start === 0 || start === text.length || text[start - 1] === '\n').toBe(true);
  }
  for (const { level, title: heading, start } of sections) {
    expect(level).toBeGreaterThan(0);
    expect(text.slice(start, start + heading.length + 200)).toContain(heading.split(' ')[0]);
  }
}

/** Where the page begins to where the next one does. */
export function pageOf({ text, pages }: ParsedDocument, page: number): string {
  const at = pages.findIndex((one) => one.page === page);
  return text.slice(pages[at]?.start, pages[at + 1]?.start).trim();
}

export function headingsOf({ sections }: ParsedDocument): string[] {
  return sections.map(({ level, title }) => `${level} ${title}`);
}
