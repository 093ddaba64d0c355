import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { DomainError, NotFound } from '../../../contracts/errors.js';
import { isText } from '../../../platform/documents/sniffed-type.js';
import { BytesMissing, type ByteRange, type FileStorage } from '../../../platform/storage/file-storage.js';
import type { StoredFile } from './file.js';

/**
 * A file's bytes, to be saved and never shown in a page: what it holds is a stranger's. Answers conditional requests and
 * those for one range.
 * @throws NotFound when the bytes are not there, DomainError 416
 */
export async function answerContent(
  file: StoredFile,
  storage: FileStorage,
  request: Request,
  response: Response,
): Promise<void> {
  response.attachment(file.name);
  response.setHeader('Content-Type', isText(file.mimeType) ? `${file.mimeType}; charset=utf-8` : file.mimeType);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'; sandbox");
  response.setHeader('Cache-Control', 'private, no-cache');
  response.setHeader('Accept-Ranges', 'bytes');
  response.setHeader('ETag', etagOf(file));
  if (isKnown(file, request)) {
    response.status(304).end();
    return;
  }
  const range = rangeOf(file, request, response);
  const content = await contentOf(file, storage, range);
  const { start, end } = range ?? { start: 0, end: file.sizeBytes - 1 };
  if (range) response.status(206).setHeader('Content-Range', `bytes ${start}-${end}/${file.sizeBytes}`);
  response.setHeader('Content-Length', String(end - start + 1));
  try {
    await pipeline(content, response);
  } catch (error) {
    // Nobody is there to be told.
    if (!response.destroyed) throw error;
  }
}

function etagOf({ sha256 }: StoredFile): string {
  return `"${sha256}"`;
}

/** RFC 9110 13.1.2, by weak comparison. Also where the client reloads, which asks for the same bytes. */
function isKnown(file: StoredFile, request: Request): boolean {
  const known = (request.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return known.includes(etagOf(file)) || known.includes('*');
}

/** Undefined: the whole file, also where several ranges are asked for or the range is of another state of it. */
function rangeOf(file: StoredFile, request: Request, response: Response): ByteRange | undefined {
  const condition = request.get('if-range');
  if (condition !== undefined && condition !== etagOf(file)) return undefined;
  const ranges = request.range(file.sizeBytes);
  if (ranges === -1) {
    response.setHeader('Content-Range', `bytes */${file.sizeBytes}`);
    throw new DomainError('bad_request', 416, 'The file ends before the range begins');
  }
  return Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges[0] : undefined;
}

async function contentOf(
  { tenantId, id }: StoredFile,
  storage: FileStorage,
  range: ByteRange | undefined,
): ReturnType<FileStorage['read']> {
  try {
    return await storage.read({ tenantId, id }, range);
  } catch (error) {
    if (error instanceof BytesMissing) throw new NotFound("The file's content");
    throw error;
  }
}
