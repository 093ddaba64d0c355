import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInstance,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  MaxLength,
  ValidateNested,
} from 'class-validator';
import { MaxJsonBytes } from '../../../platform/http/max-json-bytes.decorator.js';
import { PageQuery, pageOf } from '../../../platform/http/pagination.js';
import { Upload } from '../../../platform/http/upload.js';
import { DOCUMENT_STATES, type DocumentStatus, type KnownDocument } from './document.js';

/** It is read for each filter, of every document. */
const DOCUMENT_METADATA_BYTES = 16 * 1024;
const MOST_DOCUMENTS = 1_000;

class DocumentFieldsDto {
  /** Absent: the name of the file, the beginning of the text, or the title of the page. */
  @IsOptional()
  @IsString()
  @Matches(/\S/, { message: 'title must not be empty' })
  @MaxLength(500)
  title?: string;

  /** Plain text or Markdown. */
  @IsOptional()
  @IsString()
  @Matches(/\S/, { message: 'text must not be empty' })
  text?: string;

  /** Of a web page, or of a file of a type that is taken. */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  url?: string;
}

export class BatchedDocumentDto extends DocumentFieldsDto {
  /** Filters of searches look at it. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(DOCUMENT_METADATA_BYTES)
  metadata?: Record<string, unknown> | null;
}

/** Exactly one of `text`, `url` and `file`. */
export class CreateDocumentDto extends DocumentFieldsDto {
  @IsUUID('all')
  collectionId: string;

  /** Text, Markdown, HTML, PDF, DOCX, PPTX, XLSX, CSV, JSON or a mail. */
  @ApiPropertyOptional({ type: 'string', format: 'binary' })
  @IsOptional()
  @IsInstance(Upload, { message: 'file must be given, once, as a file' })
  file?: Upload;

  /** Filters of searches look at it. */
  @IsOptional()
  @IsObject()
  @MaxJsonBytes(DOCUMENT_METADATA_BYTES)
  metadata?: Record<string, unknown> | null;
}

export class CreateDocumentsDto {
  @IsUUID('all')
  collectionId: string;

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(MOST_DOCUMENTS)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => BatchedDocumentDto)
  documents: BatchedDocumentDto[];
}

export class ListDocumentsQuery extends PageQuery {
  @IsOptional()
  @IsUUID('all')
  collectionId?: string;

  @IsOptional()
  @IsIn(DOCUMENT_STATES)
  status?: DocumentStatus;
}

export class DocumentErrorDto {
  code: string;
  /** What is wrong and what can be done, for people. */
  message: string;
}

export class DocumentDto {
  id: string;
  collectionId: string;
  title: string;
  /** As found in its bytes; null until the page of a URL was read. */
  mimeType: string | null;
  sizeBytes: number | null;
  /** Where it came from: the URL, or the name of the file. */
  origin: string | null;

  @ApiProperty({ enum: DOCUMENT_STATES })
  status: DocumentStatus;

  /** From 0 to 1. */
  progress: number;
  /** Why it failed. What was found of it before is found still. */
  error: DocumentErrorDto | null;
  /** That can be found. */
  chunkCount: number;
  metadata: Record<string, unknown>;
  createdBy: string | null;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** ISO 8601, UTC. */
  updatedAt: string;
}

export class DocumentPage extends pageOf(DocumentDto) {}

export class DocumentAnswerDto {
  document: DocumentDto;
}

export class DocumentsAnswerDto {
  /** One for each that was given, in order. */
  documents: DocumentDto[];
}

export function shownDocument(document: KnownDocument): DocumentDto {
  const { id, collectionId, title, mimeType, sizeBytes, origin, status, progress, error, chunkCount } = document;
  return {
    ...{ id, collectionId, title, mimeType, sizeBytes, origin, status, progress, error, chunkCount },
    metadata: document.metadata,
    createdBy: document.createdBy,
    createdAt: document.createdAt.toISOString(),
    updatedAt: document.updatedAt.toISOString(),
  };
}
