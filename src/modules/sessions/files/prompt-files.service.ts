import { Injectable } from '@nestjs/common';
import { BytesMissing, FileStorage, readWhole, type StorageKey } from '../../../platform/storage/file-storage.js';
import type { FileBlock } from '../../models/model-client.js';
import { isFile, type StoredFileBlock } from '../messages/message.js';
import type { HistoryMessage } from '../messages/messages.repository.js';
import type { StoredFile } from './file.js';
import { fileTokens } from './file-tokens.js';
import { FilesRepository } from './files.repository.js';

/** A call of a tool, whose result may consist of files. */
interface WithFiles {
  files?: StoredFileBlock[] | null;
}

/** Looks up the files that a conversation names; their bytes are read when a model is sent them. */
@Injectable()
export class PromptFiles {
  constructor(
    private readonly files: FilesRepository,
    private readonly storage: FileStorage,
  ) {}

  async attach(history: readonly HistoryMessage[]): Promise<void> {
    const named = history.map((message) => ({
      message,
      blocks: [...message.blocks.filter(isFile), ...filesOf(message.toolCalls)],
    }));
    const known = await this.blocks(named.flatMap(({ blocks }) => blocks));
    if (known.size === 0) return;
    for (const { message, blocks } of named)
      message.files = new Map(
        blocks.flatMap(({ fileId }): [string, FileBlock][] => {
          const file = known.get(fileId);
          return file ? [[fileId, file]] : [];
        }),
      );
  }

  /** Those that the results of these calls consist of, with what is known of such files already. */
  async ofCalls(
    calls: readonly WithFiles[],
    known: ReadonlyMap<string, FileBlock>,
  ): Promise<ReadonlyMap<string, FileBlock>> {
    const more = filesOf(calls).filter(({ fileId }) => !known.has(fileId));
    return more.length === 0 ? known : new Map([...known, ...(await this.blocks(more))]);
  }

  private async blocks(named: readonly StoredFileBlock[]): Promise<Map<string, FileBlock>> {
    const ids = new Set(named.map(({ fileId }) => fileId));
    if (ids.size === 0) return new Map();
    const known = new Map((await this.files.named([...ids])).map((file) => [file.id, file]));
    return new Map(named.map((block) => [block.fileId, this.block(block, known.get(block.fileId))]));
  }

  private block({ type, fileId: id, name, mimeType: mediaType }: StoredFileBlock, file?: StoredFile): FileBlock {
    if (!file) {
      const nothing = { sizeBytes: 0, width: null, height: null, pages: null, tokens: 0 };
      return { type, id, name, mediaType, ...nothing, fault: 'deleted', read: () => Promise.resolve(null) };
    }
    const { tenantId, sizeBytes, width, height, pages, fault } = file;
    const read = (): Promise<Buffer | null> => this.read({ tenantId, id });
    return { type, id, name, mediaType, sizeBytes, width, height, pages, fault, tokens: fileTokens(file), read };
  }

  private async read(key: StorageKey): Promise<Buffer | null> {
    try {
      return await readWhole(this.storage, key);
    } catch (error) {
      if (error instanceof BytesMissing) return null;
      throw error;
    }
  }
}

function filesOf(calls: readonly WithFiles[]): StoredFileBlock[] {
  return calls.flatMap(({ files }) => files ?? []);
}
