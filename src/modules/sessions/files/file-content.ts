import type { Request, Response } from 'express';
import { NotFound } from '../../../contracts/errors.js';
import { isText } from '../../../platform/documents/sniffed-type.js';
import { answerAttachment } from '../../../platform/http/attachment.js';
import { BytesMissing, type ByteRange, type FileStorage } from '../../../platform/storage/file-storage.js';
import type { StoredFile } from './file.js';

/** A file's bytes. @throws NotFound when they are not there, DomainError 416 */
export async function answerContent(
  file: StoredFile,
  storage: FileStorage,
  request: Request,
  response: Response,
): Promise<void> {
  const { name, mimeType, sizeBytes, sha256: tag } = file;
  const contentType = isText(mimeType) ? `${mimeType}; charset=utf-8` : mimeType;
  const read = (range: ByteRange | undefined) => contentOf(file, storage, range);
  await answerAttachment({ name, contentType, sizeBytes, tag, read }, request, response);
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
