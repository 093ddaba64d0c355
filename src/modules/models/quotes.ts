import type { Passage, Quote } from '../../contracts/passage.js';
import { citablePieces, trimmedPiece, type Piece } from './citable-pieces.js';

/** What a model says that it has taken from a passage; not known to be true. */
export interface CitationClaim {
  /** Those it may mean, the likeliest first; null where the model does not say which. */
  chunkIds: readonly string[] | null;
  quote: string;
  /** Which of the passage's pieces it says that the quote begins with. */
  piece: number | null;
}

/** Where in a passage the words of a claim stand; null where they stand in none that it may mean. */
export function quoteOf(claim: CitationClaim, passages: readonly Passage[]): Quote | null {
  const meant = claim.chunkIds?.flatMap((id) => passages.find(({ chunkId }) => chunkId === id) ?? []) ?? passages;
  for (const passage of meant) {
    const near = claim.piece === null ? 0 : (citablePieces(passage.content)[claim.piece]?.start ?? 0);
    const found = placeOf(claim.quote, passage.content, near);
    if (!found) continue;
    const { documentId, chunkId, title, content } = passage;
    return { documentId, chunkId, title, quote: content.slice(found.start, found.end), ...found };
  }
  return null;
}

/** Of the places where it stands the first from `near` on, else the first; told apart by more than white space alone. */
function placeOf(quote: string, content: string, near: number): Piece | null {
  const words = quote.trim();
  // Half a character would be found in the middle of a whole one.
  if (words === '' || !words.isWellFormed()) return null;
  const exact = firstFrom(content, words, near);
  if (exact !== null) return { start: exact, end: exact + words.length };
  const [plain, sought] = [squeezed(content), squeezed(words)];
  const from = plain.at.findIndex((place) => place >= near);
  const found = firstFrom(plain.text, sought.text, Math.max(0, from));
  if (found === null) return null;
  const [start, last] = [plain.at[found], plain.at[found + sought.text.length - 1]];
  return start === undefined || last === undefined ? null : trimmedPiece(content, { start, end: last + 1 });
}

function firstFrom(text: string, words: string, near: number): number | null {
  const after = text.indexOf(words, near);
  const found = after < 0 ? text.indexOf(words) : after;
  return found < 0 ? null : found;
}

/** A text without its white space, and where each unit of it stood. */
function squeezed(text: string): { text: string; at: number[] } {
  const at: number[] = [];
  let plain = '';
  for (let index = 0; index < text.length; index++) {
    const unit = text.charAt(index);
    if (/\s/.test(unit)) continue;
    plain += unit;
    at.push(index);
  }
  return { text: plain, at };
}
