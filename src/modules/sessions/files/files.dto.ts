import { ApiProperty } from '@nestjs/swagger';
import { IsInstance } from 'class-validator';
import { Upload } from '../../../platform/http/upload.js';
import type { StoredFile } from './file.js';

export class UploadFileDto {
  /** An image (PNG, JPEG, GIF, WebP), a PDF or a text in UTF-8. */
  @ApiProperty({ type: 'string', format: 'binary' })
  @IsInstance(Upload, { message: 'file must be given, once, as a file' })
  file: Upload;
}

export class FileDto {
  id: string;
  name: string;
  /** As found in its bytes, whatever it was said to be. */
  mimeType: string;
  sizeBytes: number;
  /** ISO 8601, UTC. */
  createdAt: string;
}

export function shownFile(file: Omit<StoredFile, 'tenantId'>): FileDto {
  return {
    id: file.id,
    name: file.name,
    mimeType: file.mimeType,
    sizeBytes: file.sizeBytes,
    createdAt: file.createdAt.toISOString(),
  };
}
