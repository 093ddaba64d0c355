/** Part of a text, in UTF-16 units. */
export interface Piece {
  start: number;
  end: number;
}

/**
 * Where a sentence may end: at its sign and what closes it, before white space; where scripts know none, at the sign. A
 * row of signs is looked at once, however long it is.
 */
const SENTENCE_END = /(?<![.!?…])[.!?…]+["'”’»)\]]*\s+|[。！？｡]+[”’」』）]*\s*|\n+\s*/gu;

/** A shorter piece says nothing alone, and is most often an abbreviation or the number of a list. */
const SHORTEST = 16;

/**
 * A text in pieces as small as a citation may be: its sentences, with the white space behind them, so that together
 * they are the whole text. The same for the same text, always: prompts are made of them, and have to stay cached.
 */
export function citablePieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  for (const match of text.matchAll(SENTENCE_END)) {
    const end = match.index + match[0].length;
    if (lengthWithin(text, start, end) < SHORTEST) continue;
    pieces.push({ start, end });
    start = end;
  }
  const last = pieces.at(-1);
  if (lengthWithin(text, start, text.length) >= SHORTEST || (!last && text.trim() !== '')) {
    pieces.push({ start, end: text.length });
  } else if (last) last.end = text.length;
  return pieces;
}

/** Characters of Chinese and Japanese say as much as several of others. */
function lengthWithin(text: string, start: number, end: number): number {
  const words = text.slice(start, end).trim();
  return words.length + 3 * (words.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu)?.length ?? 0);
}

/** Without the white space around it. */
export function trimmedPiece(text: string, { start, end }: Piece): Piece {
  const words = text.slice(start, end);
  const from = start + words.length - words.trimStart().length;
  return { start: from, end: Math.max(from, start + words.trimEnd().length) };
}
