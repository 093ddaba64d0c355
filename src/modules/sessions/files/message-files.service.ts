import { Injectable } from '@nestjs/common';
import { ValidationFailed, type FieldError } from '../../../contracts/errors.js';
import { isImage } from '../../../platform/documents/sniffed-type.js';
import { ModelCatalog } from '../../models/model-catalog.service.js';
import { FILE_LIMITS } from '../../models/model-client.js';
import type { StoredBlock } from '../messages/message.js';
import type { ContentBlockInput } from '../messages/messages.dto.js';
import type { StoredFile } from './file.js';
import { fileTokens } from './file-tokens.js';
import { FilesRepository } from './files.repository.js';

/** What a message says and the files it names, let in. */
export interface TakenFiles {
  blocks: StoredBlock[];
  files: NamedFile[];
}

interface NamedFile {
  /** Where the message names it. */
  field: string;
  file: StoredFile;
}

interface FilesNamed {
  content: readonly ContentBlockInput[];
  attachments?: readonly string[] | null;
}

interface Naming {
  field: string;
  id: string;
  /** As which it is named; undefined for an attachment, which may be either. */
  type: 'image' | 'document' | undefined;
}

/** How much of the model's window files may fill; the rest is for what is said. */
const SHARE_OF_WINDOW = 0.75;

/** Checks the files that a message names, and makes its blocks of them. */
@Injectable()
export class MessageFiles {
  constructor(
    private readonly files: FilesRepository,
    private readonly models: ModelCatalog,
  ) {}

  /** Attachments follow what is written. @throws ValidationFailed naming each file that the caller may not name so */
  async take(message: FilesNamed): Promise<TakenFiles> {
    const namings = namingsOf(message);
    const ids = namings.map(({ id }) => id);
    const known = new Map(ids.length === 0 ? [] : (await this.files.findUsable(ids)).map((file) => [file.id, file]));
    const faults: FieldError[] = [];
    const files: NamedFile[] = [];
    for (const [index, naming] of namings.entries()) {
      const file = known.get(naming.id);
      const fault = ids.indexOf(naming.id) < index ? 'is named twice' : faultOf(naming, file);
      if (fault !== null) faults.push({ field: naming.field, message: `${naming.field} ${fault}`, value: naming.id });
      else if (file) files.push({ field: naming.field, file });
    }
    if (faults.length === 0) faults.push(...faultsTogether(files));
    if (faults.length > 0) throw new ValidationFailed(faults);
    return { files, blocks: blocksOf(message, known) };
  }

  /** @throws ValidationFailed where the files alone would fill the model's window */
  requireRoom({ files }: TakenFiles, modelName: string): void {
    const tokens = files.reduce((sum, { file }) => sum + fileTokens(file), 0);
    const model = this.models.find(modelName);
    if (!model || tokens <= model.contextWindow * SHARE_OF_WINDOW) return;
    const largest = files.reduce((one, other) => (fileTokens(other.file) > fileTokens(one.file) ? other : one));
    const message = `${largest.field} is too long: the message's files are about ${tokens} tokens, and ${model.name} reads ${model.contextWindow}`;
    throw ValidationFailed.of(largest.field, message, largest.file.id);
  }

  /** From now on who may see the session sees the files. */
  async use(sessionId: string, { files }: TakenFiles): Promise<void> {
    const ids = files.map(({ file }) => file.id);
    if (ids.length > 0) await this.files.addUses(sessionId, ids);
  }
}

function namingsOf({ content, attachments }: FilesNamed): Naming[] {
  const inContent = content.flatMap(({ type, fileId = '' }, index) =>
    type === 'text' ? [] : [{ field: `content[${index}].fileId`, id: fileId.toLowerCase(), type }],
  );
  const attached = (attachments ?? []).map((id, index) => ({
    field: `attachments[${index}]`,
    id: id.toLowerCase(),
    type: undefined,
  }));
  return [...inContent, ...attached];
}

function faultOf({ type }: Naming, file: StoredFile | undefined): string | null {
  if (!file) return 'names no file of yours';
  if (type !== undefined && type !== typeOf(file)) return `names no ${type}: the file is ${file.mimeType}`;
  if (typeOf(file) === 'image' && file.sizeBytes > FILE_LIMITS.imageBytes)
    return `is too large an image for a message: the most are ${FILE_LIMITS.imageBytes} bytes`;
  if ((file.pages ?? 0) > FILE_LIMITS.pages)
    return `has ${file.pages ?? 0} pages, the most in a message are ${FILE_LIMITS.pages}`;
  if (file.sizeBytes > FILE_LIMITS.bytes) return `is too large for a message: the most are ${FILE_LIMITS.bytes} bytes`;
  return null;
}

/** The first file that is one too many. */
function faultsTogether(files: readonly NamedFile[]): FieldError[] {
  const sums = { bytes: 0, images: 0, pages: 0 };
  for (const { field, file } of files) {
    sums.bytes += file.sizeBytes;
    sums.images += typeOf(file) === 'image' ? 1 : 0;
    sums.pages += file.pages ?? 0;
    const over = (['bytes', 'images', 'pages'] as const).find((what) => sums[what] > FILE_LIMITS[what]);
    if (over) {
      const message = `${field} is too much: the most of all files of a message are ${FILE_LIMITS[over]} ${over}`;
      return [{ field, message, value: file.id }];
    }
  }
  return [];
}

function blocksOf({ content, attachments }: FilesNamed, known: ReadonlyMap<string, StoredFile>): StoredBlock[] {
  const blockOf = (id: string): StoredBlock[] => {
    const file = known.get(id.toLowerCase());
    return file ? [block(file)] : [];
  };
  const written = content.flatMap(({ type, text = '', fileId = '' }): StoredBlock[] =>
    type === 'text' ? [{ type, text }] : blockOf(fileId),
  );
  return [...written, ...(attachments ?? []).flatMap(blockOf)];
}

function block(file: StoredFile): StoredBlock {
  return { type: typeOf(file), fileId: file.id, name: file.name, mimeType: file.mimeType };
}

function typeOf({ mimeType }: StoredFile): 'image' | 'document' {
  return isImage(mimeType) ? 'image' : 'document';
}
