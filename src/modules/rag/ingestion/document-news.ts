import { Injectable } from '@nestjs/common';
import { collectionRoom } from '../../../contracts/live-events.js';
import { Live } from '../../../platform/live/live.js';
import type { KnownDocument } from '../documents/document.js';
import { shownDocument } from '../documents/documents.dto.js';

/** Tells who looks at a collection what becomes of its documents. */
@Injectable()
export class DocumentNews {
  constructor(private readonly live: Live) {}

  /** To be called when it is stored. */
  changed(document: KnownDocument): void {
    const { tenantId, collectionId, id: documentId } = document;
    const data = { document: shownDocument(document) };
    this.live.emit(collectionRoom(tenantId, collectionId), [
      { type: 'document.updated', collectionId, documentId, at: new Date().toISOString(), data },
    ]);
  }
}
