import { Injectable } from '@nestjs/common';
import { NotFound } from '../../contracts/errors.js';
import type { SessionFolder } from './session-folder.js';
import { textOf } from './text-content.js';
import type { WorkspacePath } from './workspace-path.js';
import { WorkspacesService } from './workspaces.service.js';

const MOST_MS = 5_000;
const MOST_ENTRIES = 10_000;
const MOST_HITS = 100;
const MOST_HITS_OF_FILE = 10;
/** What is larger is looked for by its name alone. */
const MOST_FILE_BYTES = 1024 * 1024;
const LINE_CHARS = 300;

export interface Hit {
  path: string;
  /** Null where the name is what was found. */
  line: number | null;
  text: string;
}

export interface SearchResult {
  hits: Hit[];
  /** Why there may be more. */
  cut: string | null;
}

/** Looks for a text in names and in contents, whatever the case of its letters. */
@Injectable()
export class FileSearch {
  constructor(private readonly workspaces: WorkspacesService) {}

  /** @throws NotFound */
  async search(
    sessionId: string,
    path: WorkspacePath | null,
    query: string,
    signal: AbortSignal,
  ): Promise<SearchResult> {
    const folder = await this.workspaces.folder(sessionId);
    const wanted = query.toLowerCase();
    const until = performance.now() + MOST_MS;
    const hits: Hit[] = [];
    let entries = 0;
    if (path && !(await folder.stat(path))?.isFolder) throw new NotFound('Folder');
    for await (const { path: found, isFolder, sizeBytes } of folder.walk(path ?? [])) {
      signal.throwIfAborted();
      if (nameOf(found).toLowerCase().includes(wanted)) hits.push({ path: found, line: null, text: found });
      if (!isFolder && sizeBytes <= MOST_FILE_BYTES) hits.push(...(await linesOf(folder, found, wanted)));
      if (hits.length >= MOST_HITS) return { hits: hits.slice(0, MOST_HITS), cut: `after ${MOST_HITS} results` };
      if (++entries >= MOST_ENTRIES) return { hits, cut: `after ${MOST_ENTRIES} files` };
      if (performance.now() > until) return { hits, cut: `after ${MOST_MS / 1000} seconds` };
    }
    return { hits, cut: null };
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

async function linesOf(folder: SessionFolder, path: string, wanted: string): Promise<Hit[]> {
  const file = await folder.open(path.split('/') as [string, ...string[]]).catch(() => null);
  if (!file) return [];
  const text = await textOf(file, MOST_FILE_BYTES);
  const hits: Hit[] = [];
  if (!text?.toLowerCase().includes(wanted)) return hits;
  for (const [index, line] of text.split('\n').entries()) {
    const at = line.toLowerCase().indexOf(wanted);
    if (at < 0) continue;
    const from = Math.max(0, at - LINE_CHARS / 3);
    hits.push({ path, line: index + 1, text: line.slice(from, from + LINE_CHARS).trim() });
    if (hits.length === MOST_HITS_OF_FILE) break;
  }
  return hits;
}
