import { pipeline } from 'node:stream/promises';
import type { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import { DomainError } from '../../contracts/errors.js';
import type { ByteRange } from '../storage/file-storage.js';

/** A file as it is handed out. */
export interface Attachment {
  name: string;
  contentType: string;
  sizeBytes: number;
  /** Another for other bytes. */
  tag: string;
  /** Undefined: all of it. Not called for what is empty. */
  read(range: ByteRange | undefined): Promise<Readable>;
}

/**
 * Bytes to be saved and never shown in a page: what they hold is a stranger's. Answers conditional requests and those for
 * one range.
 * @throws DomainError 416, and what `read` throws
 */
export async function answerAttachment(file: Attachment, request: Request, response: Response): Promise<void> {
  protect(response, file.name);
  response.setHeader('Content-Type', file.contentType);
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etagOf(file));
  if (isKnown(file, request)) {
    response.status(304).end();
    return;
  }
  const range = rangeOf(file, request, response);
  const content = file.sizeBytes === 0 ? null : await file.read(range);
  const { start, end } = range ?? { start: 0, end: file.sizeBytes - 1 };
  if (range) response.status(206).setHeader('Content-Range', `bytes ${start}-${end}/${file.sizeBytes}`);
  response.setHeader('Content-Length', String(end - start + 1));
  if (content) await sendBytes(content, response);
  else response.end();
}

/** The same for what is made while it is sent: its size is not known, and no range of it can be had. */
export async function answerStream(
  { name, contentType, content }: { name: string; contentType: string; content: Readable },
  response: Response,
): Promise<void> {
  protect(response, name);
  response.setHeader('Content-Type', contentType);
  await sendBytes(content, response);
}

function protect(response: Response, name: string): void {
  response.attachment(name);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
  response.setHeader('Cache-Control', 'private, no-cache');
}

async function sendBytes(content: Readable, response: Response): Promise<void> {
  try {
    await pipeline(content, response);
  } catch (error) {
    // Nobody is there to be told.
    if (!response.destroyed) throw error;
  }
}

function etagOf({ tag }: Attachment): string {
  return `"${tag}"`;
}

/** RFC 9110 13.1.2, by weak comparison. Also where the client reloads, which asks for the same bytes. */
function isKnown(file: Attachment, request: Request): boolean {
  const known = (request.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes(etagOf(file)) || known.includes('*');
}

/** Undefined: the whole file, also where several ranges are asked for or the range is of another state of it. */
function rangeOf(file: Attachment, request: Request, response: Response): ByteRange | undefined {
  const condition = request.get('if-range');
  if (condition !== undefined && condition !== etagOf(file)) return undefined;
  const wanted = request.get('range')?.trim() ?? '';
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)$/i.exec(wanted) ?? [];
  // Other units, several ranges, and what is no range.
  if (first + last === '') return undefined;
  const range = bounds(first, last, file.sizeBytes);
  if (range.start <= range.end) return range;
  response.setHeader('Content-Range', `bytes */${file.sizeBytes}`);
  throw new DomainError('bad_request', 416, 'The file ends before the range begins');
}

/** RFC 9110 14.1.2: a range without a first byte is that of the last ones. */
function bounds(first: string, last: string, size: number): ByteRange {
  if (first === '') return { start: Math.max(0, size - Number(last)), end: size - 1 };
  return { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}
