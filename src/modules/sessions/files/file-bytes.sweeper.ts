import { Injectable } from '@nestjs/common';
import { Settings } from '../../../platform/config/settings.js';
import { BytesSweeper } from '../../../platform/storage/bytes-sweeper.js';
import { FileStorage } from '../../../platform/storage/file-storage.js';
import { FilesRepository } from './files.repository.js';

/** Of files that never came to be or are gone. */
@Injectable()
export class FileBytesSweeper extends BytesSweeper {
  constructor(files: FilesRepository, storage: FileStorage, settings: Settings) {
    super(storage, settings, (keys) => files.withoutFile(keys));
  }
}
