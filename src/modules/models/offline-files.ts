import type { PdfReader } from '../../platform/documents/pdf-reader.js';
import { isText } from '../../platform/documents/sniffed-type.js';
import { fileNote } from './file-note.js';
import type { FileBlock, ModelMessage } from './model-client.js';

/** A file as the offline model knows it. */
export interface ReadFile {
  /** One sentence or two: what it is, and how it begins. */
  description: string;
  /** Null for what has no text. */
  text: string | null;
}

const MAX_CHARACTERS = 200_000;
const MAX_EXCERPT = 400;
/** Texts of PDFs that are kept, so that the steps of a run do not read them again and again. */
const MAX_KEPT = 16;

export class OfflineFiles {
  private readonly kept = new Map<string, ReadFile>();

  constructor(private readonly pdfs: PdfReader) {}

  async read(messages: readonly ModelMessage[]): Promise<ReadonlyMap<FileBlock, ReadFile>> {
    const read = new Map<FileBlock, ReadFile>();
    for (const { content } of messages) {
      for (const block of content)
        if (block.type === 'image' || block.type === 'document') read.set(block, await this.readOne(block));
    }
    return read;
  }

  private async readOne(file: FileBlock): Promise<ReadFile> {
    if (file.fault !== null) return { description: fileNote(file, file.fault), text: null };
    if (file.type === 'image') return { description: ofImage(file), text: null };
    const known = this.kept.get(file.id);
    if (known) return known;
    const bytes = await file.read();
    if (bytes === null) return { description: fileNote(file, 'deleted'), text: null };
    if (isText(file.mediaType)) return ofText(file, new TextDecoder().decode(bytes));
    const read = await this.ofPdf(file, bytes);
    this.keep(file.id, read);
    return read;
  }

  private async ofPdf(file: FileBlock, bytes: Buffer): Promise<ReadFile> {
    const contents = await this.pdfs.text(bytes);
    if ('fault' in contents) return { description: fileNote(file, contents.fault), text: null };
    if (contents.text.trim() !== '') return ofText(file, contents.text);
    return { description: `${whatItIs(file)} holds no text, only pictures or empty pages.`, text: null };
  }

  private keep(id: string, read: ReadFile): void {
    const [oldest] = this.kept.keys();
    if (this.kept.size === MAX_KEPT && oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(id, read);
  }
}

function ofImage(file: FileBlock): string {
  const size = file.width === null || file.height === null ? '' : ` of ${file.width} × ${file.height} pixels`;
  return `${whatItIs(file)} is an image${size}; I can not see what is in it.`;
}

function ofText(file: FileBlock, whole: string): ReadFile {
  const text = whole.slice(0, MAX_CHARACTERS).trim();
  if (text === '') return { description: fileNote(file, 'empty'), text: null };
  const excerpt = text.length > MAX_EXCERPT ? `${text.slice(0, MAX_EXCERPT).toWellFormed().trimEnd()}…` : text;
  return { description: `${whatItIs(file)} begins: "${excerpt}"`, text };
}

function whatItIs({ name, mediaType, sizeBytes, pages }: FileBlock): string {
  const length = pages === null ? '' : `, ${pages} ${pages === 1 ? 'page' : 'pages'}`;
  return `${name} (${mediaType}, ${sizeBytes} bytes${length})`;
}
