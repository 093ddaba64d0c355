import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { extract, pack, type Header, type Pack } from 'tar-stream';
import { NotFound } from '../../contracts/errors.js';
import type { OpenFile, SessionFolder, Totals } from './session-folder.js';
import { workspacePath, type WorkspacePath } from './workspace-path.js';

/** Nobody runs what was in here without saying so. */
const FILE_MODE = 0o644;
const FOLDER_MODE = 0o755;

/** Called for a folder, and for a file with its bytes, which are there until it resolves. */
export interface Unpacking {
  folder(path: WorkspacePath): Promise<void>;
  file(path: WorkspacePath, content: AsyncIterable<Uint8Array>, updatedAt: Date): Promise<void>;
}

/** A working directory as tar.gz. It ends with an error where not all of it could be read. */
export function packed(folder: SessionFolder, signal?: AbortSignal): { content: Readable; totals: Totals } {
  const tar = pack();
  const content = createGzip();
  const totals = { sizeBytes: 0, files: 0, entries: 0 };
  const ended = pipeline(tar, content, { signal });
  ended.catch((error: unknown) => content.destroy(error as Error));
  fill(tar, folder, totals).catch((error: unknown) => tar.destroy(error as Error));
  return { content, totals };
}

/** @throws where it is no archive of ours, and what `into` throws */
export async function unpack(archive: Readable, into: Unpacking): Promise<void> {
  const tar = extract();
  const fed = pipeline(archive, createGunzip(), tar as unknown as NodeJS.WritableStream);
  // Told by the loop, or after it.
  fed.catch(() => undefined);
  let folder: string | null = null;
  for await (const entry of tar) {
    const { name, type } = entry.header;
    // A folder that holds something is made with that.
    if (folder !== null && !name.startsWith(folder)) await into.folder(workspacePath(folder.slice(0, -1)));
    folder = type === 'directory' ? name.replace(/\/?$/, '/') : null;
    if (type === 'file') await into.file(workspacePath(name), entry as AsyncIterable<Uint8Array>, timeOf(entry.header));
    entry.resume();
  }
  if (folder !== null) await into.folder(workspacePath(folder.slice(0, -1)));
  await fed;
}

/** Of plain tar, times are whole seconds. */
function headerOf(name: string, at: Date): { name: string; mtime: Date; pax: Record<string, string> } {
  return { name, mtime: at, pax: { mtime: (at.getTime() / 1000).toFixed(3) } };
}

function timeOf({ mtime, pax }: Header): Date {
  const exact = Number((pax as Record<string, string> | null | undefined)?.['mtime']);
  return Number.isFinite(exact) ? new Date(Math.round(exact * 1000)) : mtime;
}

async function fill(tar: Pack, folder: SessionFolder, totals: Totals): Promise<void> {
  const wasThere = await folder.exists();
  for await (const { path, isFolder, updatedAt } of folder.walk()) {
    if (isFolder) {
      await added((done) => tar.entry({ ...headerOf(path, updatedAt), type: 'directory', mode: FOLDER_MODE }, done));
      totals.entries++;
      continue;
    }
    const file = await folder.open(workspacePath(path)).catch(unlessGone);
    if (!file) continue;
    await addFile(tar, path, file);
    totals.entries++;
    totals.files++;
    totals.sizeBytes += file.sizeBytes;
  }
  if (wasThere && !(await folder.exists())) throw new Error('The working directory was put away meanwhile');
  tar.finalize();
}

async function addFile(tar: Pack, name: string, { handle, sizeBytes: size, updatedAt }: OpenFile): Promise<void> {
  const header = { ...headerOf(name, updatedAt), size, mode: FILE_MODE };
  try {
    if (size === 0) {
      await added((done) => tar.entry(header, '', done));
      return;
    }
    const bytes = handle.createReadStream({ start: 0, end: size - 1, autoClose: false });
    await added((done) => void pipeline(bytes, tar.entry(header, done)).catch(done));
  } finally {
    await handle.close();
  }
}

function added(add: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => add((error) => (error ? reject(error) : resolve())));
}

/** Deleted since it was listed. */
function unlessGone(error: unknown): null {
  if (error instanceof NotFound) return null;
  throw error;
}
