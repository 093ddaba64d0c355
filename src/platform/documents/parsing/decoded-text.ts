import { analyse } from 'chardet';
import { DocumentFault } from './document-fault.js';

const SAMPLE_BYTES = 65_536;

/**
 * Bytes as text: by their mark, as UTF-8 where they are, by what they are said to be, by what they look like.
 * @throws DocumentFault when they are no text
 */
export function decodedText(bytes: Uint8Array, declared?: string): string {
  const text = new TextDecoder(encodingOf(bytes, declared)).decode(bytes);
  if (looksBinary(text)) throw new DocumentFault('unsupported');
  return text;
}

export function encodingOf(bytes: Uint8Array, declared?: string): string {
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  const marked = markedEncoding(bytes) ?? wideEncoding(sample);
  if (marked) return marked;
  if (isUtf8(bytes)) return 'utf-8';
  const label = declared === undefined ? undefined : knownLabel(declared);
  // Bytes that are not UTF-8 are not what claims to be.
  if (label && label !== 'utf-8' && !label.startsWith('utf-16')) return label;
  return isNearlyUtf8(sample) ? 'utf-8' : oldEncoding(sample);
}

function markedEncoding(bytes: Uint8Array): string | null {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : null;
}

/** UTF-16 without a mark, as far as Latin letters, digits and spaces tell it. */
function wideEncoding(sample: Uint8Array): string | null {
  if (sample.length < 2) return null;
  const zeros = [0, 0];
  for (let at = 0; at < sample.length; at++) if (sample[at] === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const pairs = Math.floor(sample.length / 2);
  const [high = 0, low = 0] = zeros;
  if (low > pairs * 0.3 && high < pairs * 0.02) return 'utf-16le';
  return high > pairs * 0.3 && low < pairs * 0.02 ? 'utf-16be' : null;
}

/** Also when it is cut within a letter. */
function isUtf8(bytes: Uint8Array): boolean {
  for (let cut = 0; cut < 4; cut++) {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, Math.max(bytes.length - cut, 0)));
      return true;
    } catch {
      // Not with these last bytes.
    }
    if ((bytes[bytes.length - cut - 1] ?? 0) < 0x80) return false;
  }
  return false;
}

/** A few bytes among many letters are broken. */
function isNearlyUtf8(sample: Uint8Array): boolean {
  const text = new TextDecoder('utf-8').decode(sample);
  const broken = text.match(/\ufffd/g)?.length ?? 0;
  const letters = text.match(/[\u0080-\ufffc]/g)?.length ?? 0;
  return letters > broken * 10;
}

/** Western European unless the bytes speak clearly for another one. */
function oldEncoding(sample: Uint8Array): string {
  const best = analyse(sample)[0];
  const label =
    best && best.confidence >= 40 && !/^(utf|iso-2022|ascii)/i.test(best.name) ? knownLabel(best.name) : null;
  return label ?? 'windows-1252';
}

function knownLabel(label: string): string | null {
  try {
    return new TextDecoder(label.trim()).encoding;
  } catch {
    return null;
  }
}

function looksBinary(text: string): boolean {
  const sample = text.slice(0, SAMPLE_BYTES);
  const odd = sample.match(/[^\P{Cc}\s\b\x80-\x9f]/gu)?.length ?? 0;
  return odd > 2 + sample.length * 0.005;
}
