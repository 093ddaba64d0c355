import type { Stats } from 'node:fs';
import { isAbsent, type HeldFolder } from './held-folder.js';

export interface FoundEntry {
  path: string;
  isFolder: boolean;
  /** Of a folder 0. */
  sizeBytes: number;
  updatedAt: Date;
}

/** Null for what is not there, and for what is not ours. */
export async function statOf(folder: HeldFolder, name: string): Promise<Stats | null> {
  const stats = await rawStat(folder, name);
  return stats && (stats.isDirectory() || isOurs(stats)) ? stats : null;
}

export async function rawStat(folder: HeldFolder, name: string): Promise<Stats | null> {
  try {
    return await folder.stat(name);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** A plain file with no other name: one with several may have one outside. */
export function isOurs(stats: Stats): boolean {
  return stats.isFile() && stats.nlink === 1;
}

export function entryOf(path: string, stats: Stats): FoundEntry {
  const isFolder = stats.isDirectory();
  return { path, isFolder, sizeBytes: isFolder ? 0 : stats.size, updatedAt: stats.mtime };
}

export function tagOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return [ino, size, mtimeMs, ctimeMs].map((part) => part.toString(36)).join('-');
}

/** By which a folder's entries are in the order of their paths: `a.b` comes before what is in `a`. */
export function sortKey(prefix: string, { name, isFolder }: { name: string; isFolder: boolean }): string {
  return isFolder ? `${prefix}${name}/` : prefix + name;
}
