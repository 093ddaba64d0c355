import type Anthropic from '@anthropic-ai/sdk';
import { isImage, isText } from '../../platform/documents/sniffed-type.js';
import { fileNote } from './file-note.js';
import { FILE_LIMITS, type FileBlock, type ModelMessage } from './model-client.js';

/** The files of a conversation as the Messages API takes them. */
export type FileParams = ReadonlyMap<FileBlock, Anthropic.ContentBlockParam>;

/** Reads the files of a conversation, the newest as far as a request may hold them; in place of others stands a note. */
export async function fileParams(messages: readonly ModelMessage[]): Promise<FileParams> {
  const files = messages.flatMap((message) => (message.role === 'user' ? message.content.filter(isFile) : []));
  const sent = newestThatFit(files);
  const params = files.map(async (file) => [file, await paramOf(file, sent.has(file))] as const);
  return new Map(await Promise.all(params));
}

export function hasFiles(messages: readonly ModelMessage[]): boolean {
  return messages.some((message) => message.role === 'user' && message.content.some(isFile));
}

/** The same conversation with a note in place of each file. */
export function withoutFiles(messages: readonly ModelMessage[]): ModelMessage[] {
  return messages.map((message) =>
    message.role === 'user'
      ? { ...message, content: message.content.map((block) => (isFile(block) ? note(block, 'refused') : block)) }
      : message,
  );
}

function isFile<B extends { type: string }>(block: B | FileBlock): block is FileBlock {
  return block.type === 'image' || block.type === 'document';
}

/** From the first that does not fit all older ones are left out, so that the prompt's beginning stays the same for long. */
function newestThatFit(files: readonly FileBlock[]): ReadonlySet<FileBlock> {
  const left = { ...FILE_LIMITS } as Record<'bytes' | 'images' | 'pages', number>;
  const fitting = new Set<FileBlock>();
  for (const file of [...files].reverse()) {
    if (file.fault !== null) continue;
    left.bytes -= file.sizeBytes;
    left.images -= file.type === 'image' ? 1 : 0;
    left.pages -= file.pages ?? 0;
    if (left.bytes < 0 || left.images < 0 || left.pages < 0) break;
    fitting.add(file);
  }
  return fitting;
}

async function paramOf(file: FileBlock, isSent: boolean): Promise<Anthropic.ContentBlockParam> {
  if (file.fault !== null) return note(file, file.fault);
  if (!isSent) return note(file, 'left_out');
  const bytes = await file.read();
  if (bytes === null) return note(file, 'deleted');
  const { mediaType } = file;
  if (isImage(mediaType)) {
    return { type: 'image', source: { type: 'base64', media_type: mediaType, data: bytes.toString('base64') } };
  }
  if (!isText(mediaType)) {
    const source = { type: 'base64', media_type: mediaType, data: bytes.toString('base64') } as const;
    return { type: 'document', source, title: file.name };
  }
  const data = new TextDecoder().decode(bytes);
  if (data.trim() === '') return note(file, 'empty');
  return { type: 'document', source: { type: 'text', media_type: 'text/plain', data }, title: file.name };
}

function note(file: FileBlock, fault: Parameters<typeof fileNote>[1]): { type: 'text'; text: string } {
  return { type: 'text', text: fileNote(file, fault) };
}
