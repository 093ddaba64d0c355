import type { FileStorage, StorageKey } from './file-storage.js';

/** Longer than any upload takes from its first byte to its row. */
const UNCLAIMED_MS = 24 * 3_600_000;
const BATCH = 1_000;

/**
 * Deletes bytes whose row never came or is gone: of requests and processes that ended in between. `orphansAmong` says
 * which of some keys belong to no row.
 */
export async function deleteOrphanedBytes(
  storage: FileStorage,
  orphansAmong: (keys: StorageKey[]) => Promise<StorageKey[]>,
): Promise<void> {
  const before = new Date(Date.now() - UNCLAIMED_MS);
  const deleteAmong = async (keys: StorageKey[]): Promise<void> => {
    if (keys.length > 0) for (const key of await orphansAmong(keys)) await storage.delete(key);
  };
  await storage.deleteDrafts(before);
  let batch: StorageKey[] = [];
  for await (const { key, storedAt } of storage.all()) {
    if (storedAt < before) batch.push(key);
    if (batch.length < BATCH) continue;
    await deleteAmong(batch);
    batch = [];
  }
  await deleteAmong(batch);
}
