import { Injectable } from '@nestjs/common';
import { Readable } from 'node:stream';
import { DomainError } from '../../contracts/errors.js';
import { sniffedType } from '../../platform/documents/sniffed-type.js';
import { textResult, type BuiltinTool, type ToolCallContext, type ToolResult, type ToolServer } from '../tools/tool.js';
import { FileSearch } from './file-search.js';
import { mimeTypeOf } from './mime-type.js';
import type { FoundEntry } from './folder-entries.js';
import { decoded, headOf } from './text-content.js';
import { WorkspaceChanges } from './workspace-changes.service.js';
import { workspacePath, type WorkspacePath } from './workspace-path.js';
import { WorkspacesService } from './workspaces.service.js';

/** More than any model reads; and of an image, what models take. */
const MOST_READ_BYTES = 1024 * 1024;
const MOST_LISTED = 1_000;
const PATH = { type: 'string', maxLength: 1_024, description: 'Relative to the working directory, like docs/a.txt' };
/** How the working directory itself is named. */
const ROOT = new Set(['', '.', '/']);

type Act = (sessionId: string, input: Input, context: ToolCallContext) => Promise<ToolResult>;

interface Input {
  path?: string;
  content?: string;
  query?: string;
}

/** Tools on the session's working directory. */
@Injectable()
export class FilesystemServer implements ToolServer {
  readonly name = 'filesystem';
  readonly tools: readonly BuiltinTool[] = [
    tool('read', 'Reads a file: text as it is, a small image as an image.', { path: PATH }, true, (session, { path }) =>
      this.read(session, given(path)),
    ),
    tool(
      'list',
      'Lists what is in a folder; "." is the working directory.',
      { path: PATH },
      true,
      (session, { path }) => this.list(session, given(path)),
    ),
    tool(
      'info',
      'Tells what is at a path: type, size, time of its last change.',
      { path: PATH },
      true,
      (session, { path }) => this.info(session, given(path)),
    ),
    tool(
      'write',
      'Writes a text file, in place of the one that is there. Folders on the way are made.',
      { path: PATH, content: { type: 'string' } },
      true,
      (session, { path, content }, { signal }) => this.write(session, given(path), given(content), signal),
    ),
    tool(
      'create',
      'Makes a new folder, and those on the way to it.',
      { path: PATH },
      false,
      (session, { path }, { signal }) => this.create(session, given(path), signal),
    ),
    tool(
      'delete',
      'Deletes a file, or a folder that is empty.',
      { path: PATH },
      false,
      (session, { path }, { signal }) => this.remove(session, given(path), signal),
    ),
    {
      ...tool(
        'search',
        'Finds a text in the names and contents of files below a folder, whatever the case of its letters.',
        { query: { type: 'string', minLength: 1, maxLength: 1_000 } },
        true,
        (session, { path, query }, { signal }) => this.search(session, path ?? '.', given(query), signal),
      ),
      inputSchema: {
        type: 'object',
        properties: { path: PATH, query: { type: 'string', minLength: 1, maxLength: 1_000 } },
        required: ['query'],
        additionalProperties: false,
      },
    },
  ];

  constructor(
    private readonly workspaces: WorkspacesService,
    private readonly changes: WorkspaceChanges,
    private readonly searches: FileSearch,
  ) {}

  private async read(sessionId: string, path: string): Promise<ToolResult> {
    const file = await this.workspaces.open(sessionId, workspacePath(path));
    const head = await headOf(file, MOST_READ_BYTES);
    const { sizeBytes } = file;
    const isCut = sizeBytes > MOST_READ_BYTES;
    const text = decoded(head, isCut);
    if (text !== null) {
      const rest = isCut
        ? `\n[cut here: the file has ${sizeBytes} bytes, these were the first ${MOST_READ_BYTES}]`
        : '';
      return textResult(text + rest);
    }
    const type = sniffedType({ head, isText: false, name: path });
    if (type?.startsWith('image/') && !isCut)
      return { isError: false, content: [{ type: 'image', data: head.toString('base64'), mimeType: type }] };
    return textResult(
      `${path} is a binary file of ${sizeBytes} bytes (${type ?? mimeTypeOf(path)}), and no text to read`,
    );
  }

  private async list(sessionId: string, path: string): Promise<ToolResult> {
    const entries = await this.workspaces.entries(sessionId, folderPath(path), MOST_LISTED + 1);
    if (entries.length === 0) return textResult('The folder is empty');
    const lines = entries.slice(0, MOST_LISTED).map(({ path: found, isFolder, sizeBytes }) => {
      return isFolder ? `${found}/` : `${found} (${sizeBytes} bytes)`;
    });
    if (entries.length > MOST_LISTED) lines.push(`[cut here: there are more than ${MOST_LISTED}]`);
    return textResult(lines.join('\n'));
  }

  private async info(sessionId: string, path: string): Promise<ToolResult> {
    const at = folderPath(path);
    const shown = at ? shownEntry(await this.workspaces.stat(sessionId, at)) : { path: '.', type: 'folder' };
    return { ...textResult(JSON.stringify(shown)), structuredContent: shown };
  }

  private async write(sessionId: string, path: string, content: string, signal: AbortSignal): Promise<ToolResult> {
    const bytes = Readable.from([Buffer.from(content)]);
    const { sizeBytes, isNew } = await this.changes.write(sessionId, workspacePath(path), bytes, signal);
    return textResult(`${isNew ? 'Created' : 'Replaced'} ${path} (${sizeBytes} bytes)`);
  }

  private async create(sessionId: string, path: string, signal: AbortSignal): Promise<ToolResult> {
    await this.changes.makeFolder(sessionId, workspacePath(path), signal);
    return textResult(`Created the folder ${path}`);
  }

  private async remove(sessionId: string, path: string, signal: AbortSignal): Promise<ToolResult> {
    await this.changes.remove(sessionId, workspacePath(path), signal);
    return textResult(`Deleted ${path}`);
  }

  private async search(sessionId: string, path: string, query: string, signal: AbortSignal): Promise<ToolResult> {
    const { hits, cut } = await this.searches.search(sessionId, folderPath(path), query, signal);
    const lines = hits.map(({ path: found, line, text }) => (line === null ? found : `${found}:${line}: ${text}`));
    if (lines.length === 0) lines.push('Nothing was found');
    if (cut !== null) lines.push(`[cut ${cut}: there may be more]`);
    return textResult(lines.join('\n'));
  }
}

/** What a person could be told, the model is told as the tool's answer. */
function tool(
  name: string,
  description: string,
  properties: Record<string, object>,
  idempotent: boolean,
  act: Act,
): BuiltinTool {
  const inputSchema = { type: 'object', properties, required: Object.keys(properties), additionalProperties: false };
  const call = async (input: Record<string, unknown>, context: ToolCallContext): Promise<ToolResult> => {
    if (context.sessionId === null)
      return textResult('filesystem works in the working directory of a session, and there is no session here', true);
    try {
      return await act(context.sessionId, input, context);
    } catch (error) {
      if (error instanceof DomainError && error.status < 500) return textResult(error.message, true);
      throw error;
    }
  };
  return { name, description, inputSchema, idempotent, call };
}

/** The schema has seen to it. */
function given(value: string | undefined): string {
  if (value === undefined) throw new Error('The input has not passed its schema');
  return value;
}

/** Null for the working directory itself. @throws ValidationFailed */
function folderPath(path: string): WorkspacePath | null {
  return ROOT.has(path) ? null : workspacePath(path);
}

function shownEntry({ path, isFolder, sizeBytes, updatedAt }: FoundEntry): Record<string, unknown> {
  const common = { path, type: isFolder ? 'folder' : 'file', updatedAt: updatedAt.toISOString() };
  return isFolder ? common : { ...common, sizeBytes, mimeType: mimeTypeOf(path) };
}
