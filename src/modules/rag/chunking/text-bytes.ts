/** Walking a text by the bytes it takes in UTF-8, without making copies of it. */

/** How far one gets from `from` with so many bytes; `to` at most, no surrogate pair is cut. */
export function forward(text: string, from: number, to: number, bytes: number): number {
  let left = bytes;
  let at = from;
  while (at < to) {
    const units = unitsAt(text, at, to);
    left -= bytesOf(text.charCodeAt(at), units);
    if (left < 0) return at;
    at += units;
  }
  return at;
}

/** How far back one gets from `from` with so many bytes; `to` at most, no surrogate pair is cut. */
export function backward(text: string, from: number, to: number, bytes: number): number {
  let left = bytes;
  let at = from;
  while (at > to) {
    const units = at - 2 >= to && unitsAt(text, at - 2, at) === 2 ? 2 : 1;
    left -= bytesOf(text.charCodeAt(at - units), units);
    if (left < 0) return at;
    at -= units;
  }
  return at;
}

export function bytesBetween(text: string, from: number, to: number): number {
  let bytes = 0;
  for (let at = from; at < to;) {
    const units = unitsAt(text, at, to);
    bytes += bytesOf(text.charCodeAt(at), units);
    at += units;
  }
  return bytes;
}

function unitsAt(text: string, at: number, to: number): 1 | 2 {
  const code = text.charCodeAt(at);
  return code >= 0xd800 && code < 0xdc00 && at + 1 < to && isLow(text.charCodeAt(at + 1)) ? 2 : 1;
}

function bytesOf(code: number, units: 1 | 2): number {
  if (units === 2) return 4;
  if (code < 0x80) return 1;
  // Half a pair is stored as U+FFFD.
  return code < 0x800 ? 2 : 3;
}

function isLow(code: number): boolean {
  return code >= 0xdc00 && code < 0xe000;
}

/** As `trim` and `\s` have it. */
export function isSpace(code: number): boolean {
  if (code <= 32) return code === 32 || (code >= 9 && code <= 13);
  if (code < 0xa0) return false;
  if (code < 0x2000) return code === 0xa0 || code === 0x1680;
  if (code <= 0x205f) return code <= 0x200a || code === 0x2028 || code === 0x2029 || code === 0x202f || code === 0x205f;
  return code === 0x3000 || code === 0xfeff;
}

export function afterSpace(text: string, from: number, to: number): number {
  let at = from;
  while (at < to && isSpace(text.charCodeAt(at))) at += 1;
  return at;
}

export function beforeSpace(text: string, from: number, to: number): number {
  let at = from;
  while (at > to && isSpace(text.charCodeAt(at - 1))) at -= 1;
  return at;
}
