import { Injectable } from '@nestjs/common';
import { Settings } from '../../../platform/config/settings.js';
import { BytesSweeper } from '../../../platform/storage/bytes-sweeper.js';
import { DocumentStorage } from '../../../platform/storage/file-storage.js';
import { DocumentsRepository } from './documents.repository.js';

/** Of documents that never came to be or are gone. */
@Injectable()
export class DocumentBytesSweeper extends BytesSweeper {
  constructor(documents: DocumentsRepository, storage: DocumentStorage, settings: Settings) {
    super(storage, settings, (keys) => documents.withoutDocument(keys));
  }
}
