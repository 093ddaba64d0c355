import { Body, Controller, Delete, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import { Access } from '../../../platform/access/access.decorator.js';
import { BodyLimit } from '../../../platform/http/body-limit.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PageQuery } from '../../../platform/http/pagination.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { TakesUpload } from '../../../platform/http/takes-upload.decorator.js';
import { DocumentStorage } from '../../../platform/storage/file-storage.js';
import { ChunkPage } from './chunks.dto.js';
import { ChunksService } from './chunks.service.js';
import {
  CreateDocumentDto,
  CreateDocumentsDto,
  DocumentAnswerDto,
  DocumentDto,
  DocumentPage,
  DocumentsAnswerDto,
  ListDocumentsQuery,
} from './documents.dto.js';
import { DocumentsService } from './documents.service.js';

/** Larger texts come as files, which are not read into memory. */
const TEXTS_BYTES = 16 * 1024 * 1024;

@Controller('rag/documents')
@PathResource(DocumentsService, 'get')
export class DocumentsController {
  constructor(
    private readonly documents: DocumentsService,
    private readonly chunks: ChunksService,
  ) {}

  /** Take in a text, a web page or a file. What the collection has already is answered as it is. */
  @Post()
  @HttpCode(202)
  @TakesUpload({ into: DocumentStorage, orJson: true, jsonFields: ['metadata'] })
  @BodyLimit(TEXTS_BYTES)
  @Access({ can: 'documents:create' })
  @ApiAcceptedResponse({ type: DocumentAnswerDto, description: 'It waits to be read' })
  @ApiOkResponse({ type: DocumentAnswerDto, description: 'The collection has it already' })
  @Replay((controller: DocumentsController, id) => controller.again(id), {
    ref: ({ document }: DocumentAnswerDto) => document.id,
  })
  async create(
    @Body() dto: CreateDocumentDto,
    @Res({ passthrough: true }) response: Response,
  ): Promise<DocumentAnswerDto> {
    const { document, isNew } = await this.documents.add(dto);
    if (!isNew) response.status(200);
    return { document };
  }

  /** Take in up to 1,000 texts and web pages, or none of them. */
  @Post('batch')
  @HttpCode(202)
  @BodyLimit(TEXTS_BYTES)
  @Access({ can: 'documents:create' })
  @Replay((controller: DocumentsController, batchId) => controller.documents.batch(batchId), { of: 'documentBatch' })
  createBatch(@Body() dto: CreateDocumentsDto): Promise<DocumentsAnswerDto> {
    return this.documents.addBatch(dto);
  }

  @Get()
  @Access({ can: 'documents:read' })
  list(@Query() query: ListDocumentsQuery): Promise<DocumentPage> {
    return this.documents.list(query);
  }

  @Get(':id')
  @Access({ can: 'documents:read' })
  get(@Id() id: string): Promise<DocumentDto> {
    return this.documents.get(id);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'documents:delete' })
  remove(@Id() id: string): Promise<void> {
    return this.documents.remove(id);
  }

  /** Read it anew, a web page from its address. Until that is done, it is found as it was. */
  @Post(':id/reindex')
  @HttpCode(202)
  @Access({ can: 'documents:update' })
  @Replay((controller: DocumentsController, id) => controller.again(id))
  reindex(@Id() id: string): Promise<DocumentAnswerDto> {
    return this.documents.reindex(id);
  }

  /** What was cut out of it and can be found, by position. */
  @Get(':id/chunks')
  @Access({ can: 'documents:read' })
  listChunks(@Id() id: string, @Query() query: PageQuery): Promise<ChunkPage> {
    return this.chunks.list(id, query);
  }

  private async again(id: string): Promise<DocumentAnswerDto> {
    return { document: await this.documents.get(id) };
  }
}
