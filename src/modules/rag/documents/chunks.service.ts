import { Injectable } from '@nestjs/common';
import { Cursors, type PageQuery } from '../../../platform/http/pagination.js';
import { shownChunk, type ChunkPage } from './chunks.dto.js';
import { ChunksRepository } from './chunks.repository.js';
import { DocumentsService } from './documents.service.js';

@Injectable()
export class ChunksService {
  constructor(
    private readonly chunks: ChunksRepository,
    private readonly documents: DocumentsService,
    private readonly cursors: Cursors,
  ) {}

  /** Of the version of the document that is found. @throws NotFound */
  async list(documentId: string, { cursor, limit }: PageQuery): Promise<ChunkPage> {
    const [position] = this.cursors.decode(cursor, 2);
    const { collectionId, number } = await this.documents.require(documentId);
    const after = position === undefined ? -1 : Number(position);
    const rows = number === null ? [] : await this.chunks.page({ collectionId, number, after, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownChunk, (chunk) => [String(chunk.position), chunk.id]);
  }
}
