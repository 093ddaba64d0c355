import type { OpenFile } from './session-folder.js';

/** The first bytes of a file, which is closed. */
export async function headOf({ handle, sizeBytes }: OpenFile, mostBytes: number): Promise<Buffer> {
  try {
    const bytes = Buffer.alloc(Math.min(sizeBytes, mostBytes));
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await handle.close();
  }
}

/** Null where the bytes are no text in UTF-8. A character that is cut off at the end is left out. */
export function decoded(bytes: Buffer, isCut: boolean): string | null {
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes, { stream: isCut });
  } catch {
    // No text, which is no fault.
    return null;
  }
}

/** The text of a small file, which is closed; null where it is none. */
export async function textOf(file: OpenFile, mostBytes: number): Promise<string | null> {
  return decoded(await headOf(file, mostBytes), file.sizeBytes > mostBytes);
}
