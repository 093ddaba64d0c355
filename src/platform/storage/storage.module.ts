import { join } from 'node:path';
import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import { DiskStorage } from './disk-storage.js';
import { ArchiveStorage, DocumentStorage, FileStorage } from './file-storage.js';
import { TenantBytes } from './tenant-bytes.js';

/** The S3 client is loaded only where it is used: it costs time at the start, and memory. */
async function storageOf(area: string, { dataDir, s3 }: Settings): Promise<FileStorage> {
  if (!s3) return new DiskStorage(join(dataDir, area));
  const { S3Storage } = await import('./s3-storage.js');
  return new S3Storage(area, s3);
}

@Global()
@Module({
  providers: [
    { provide: FileStorage, inject: [Settings], useFactory: (settings: Settings) => storageOf('files', settings) },
    {
      provide: ArchiveStorage,
      inject: [Settings],
      useFactory: (settings: Settings) => storageOf('archives', settings),
    },
    {
      provide: DocumentStorage,
      inject: [Settings],
      useFactory: (settings: Settings) => storageOf('documents', settings),
    },
    TenantBytes,
  ],
  exports: [FileStorage, ArchiveStorage, DocumentStorage, TenantBytes],
})
export class StorageModule implements OnModuleInit {
  constructor(
    private readonly files: FileStorage,
    private readonly archives: ArchiveStorage,
    private readonly documents: DocumentStorage,
    private readonly bytes: TenantBytes,
  ) {}

  onModuleInit(): void {
    for (const storage of [this.files, this.archives, this.documents])
      this.bytes.erasedBy((tenantId) => storage.deleteAll(tenantId));
  }
}
