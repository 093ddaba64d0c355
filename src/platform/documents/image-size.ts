import type { ImageType } from './sniffed-type.js';

/** In pixels. */
export interface ImageSize {
  width: number;
  height: number;
}

/**
 * The size that an image's headers say it has when it is unpacked, the largest of its frames; nothing is unpacked.
 * Undefined where the bytes given hold no such header.
 */
export function imageSize(type: ImageType, bytes: Buffer): ImageSize | undefined {
  try {
    const size = READERS[type](bytes);
    return size && size.width > 0 && size.height > 0 ? size : undefined;
  } catch (error) {
    // The bytes end before the header does.
    if ((error as Error).name === 'RangeError') return undefined;
    throw error;
  }
}

const READERS: Record<ImageType, (bytes: Buffer) => ImageSize | undefined> = {
  'image/png': sizeOfPng,
  'image/jpeg': sizeOfJpeg,
  'image/gif': sizeOfGif,
  'image/webp': sizeOfWebp,
};

/** PNG 11.2.1: the first chunk is IHDR. */
function sizeOfPng(bytes: Buffer): ImageSize | undefined {
  if (bytes.toString('latin1', 12, 16) !== 'IHDR') return undefined;
  return { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) };
}

/** ITU T.81 B.2.2: a frame header, after any number of segments. */
function sizeOfJpeg(bytes: Buffer): ImageSize | undefined {
  for (let at = 2; ;) {
    while (bytes.readUInt8(at) === 0xff && bytes.readUInt8(at + 1) === 0xff) at++;
    if (bytes.readUInt8(at) !== 0xff) return undefined;
    const marker = bytes.readUInt8(at + 1);
    if (isFrame(marker)) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    const standsAlone = marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    const length = standsAlone ? 0 : bytes.readUInt16BE(at + 2);
    // Image data or an end before any frame, or a segment shorter than its own length.
    if (marker === 0xd9 || marker === 0xda || (!standsAlone && length < 2)) return undefined;
    at += 2 + length;
  }
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

/** GIF89a: the logical screen, and each frame, which nothing but honesty keeps inside it. */
function sizeOfGif(bytes: Buffer): ImageSize | undefined {
  const size = { width: bytes.readUInt16LE(6), height: bytes.readUInt16LE(8) };
  let at = 13 + colorTable(bytes.readUInt8(10));
  while (at < bytes.length && bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) at = afterBlocks(bytes, at + 2);
    else if (bytes[at] === 0x2c && at + 10 <= bytes.length) {
      size.width = Math.max(size.width, bytes.readUInt16LE(at + 1) + bytes.readUInt16LE(at + 5));
      size.height = Math.max(size.height, bytes.readUInt16LE(at + 3) + bytes.readUInt16LE(at + 7));
      at = afterBlocks(bytes, at + 11 + colorTable(bytes.readUInt8(at + 9)));
    } else break;
  }
  return size;
}

function colorTable(flags: number): number {
  return flags & 0x80 ? 3 * 2 ** ((flags & 0x07) + 1) : 0;
}

function afterBlocks(bytes: Buffer, start: number): number {
  let at = start;
  while (at < bytes.length && bytes[at] !== 0) at += 1 + (bytes[at] ?? 0);
  return at + 1;
}

/** RFC 9649 (WebP), RFC 6386 9.1 (VP8). */
function sizeOfWebp(bytes: Buffer): ImageSize | undefined {
  switch (bytes.toString('latin1', 12, 16)) {
    case 'VP8X':
      return { width: bytes.readUIntLE(24, 3) + 1, height: bytes.readUIntLE(27, 3) + 1 };
    case 'VP8L': {
      const bits = bytes.readUInt32LE(21);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case 'VP8 ':
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff };
    default:
      return undefined;
  }
}
