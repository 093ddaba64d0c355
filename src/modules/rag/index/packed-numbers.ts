/** Whole numbers from 0 to 2³² - 1 as bytes of seven bits, the lowest first; the eighth says that another follows. */

/** The number at `from`, and where the next one begins. */
export function readNumber(bytes: Uint8Array, from: number): [value: number, next: number] {
  let at = from;
  let byte = bytes[at++] ?? 0;
  let value = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    byte = bytes[at++] ?? 0;
    value |= (byte & 127) << shift;
  }
  return [value >>> 0, at];
}

/** Takes five bytes at most; returns where the next one goes. */
export function writeNumber(bytes: Uint8Array, at: number, value: number): number {
  let end = at;
  let rest = value;
  while (rest > 127) {
    bytes[end++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  bytes[end++] = rest;
  return end;
}
