import { readNumber, writeNumber } from './packed-numbers.js';

/** Successive chunks of one version of a document. */
export interface Piece {
  number: number;
  /** Of the first chunk. */
  position: number;
  count: number;
}

/** Most numbers follow each other, so their differences are short. */
export function encodePieces(pieces: readonly Piece[]): Buffer {
  const bytes = Buffer.allocUnsafe(pieces.length * 15);
  let end = 0;
  let before = 0;
  for (const { number, position, count } of pieces) {
    const difference = number - before;
    end = writeNumber(bytes, end, difference < 0 ? -2 * difference - 1 : 2 * difference);
    end = writeNumber(bytes, end, position);
    end = writeNumber(bytes, end, count);
    before = number;
  }
  return bytes.subarray(0, end);
}

export function decodePieces(bytes: Uint8Array): Piece[] {
  const pieces: Piece[] = [];
  let number = 0;
  for (let at = 0; at < bytes.length;) {
    const [difference, afterNumber] = readNumber(bytes, at);
    const [position, afterPosition] = readNumber(bytes, afterNumber);
    const [count, next] = readNumber(bytes, afterPosition);
    number += difference % 2 === 1 ? -(difference + 1) / 2 : difference / 2;
    pieces.push({ number, position, count });
    at = next;
  }
  return pieces;
}
