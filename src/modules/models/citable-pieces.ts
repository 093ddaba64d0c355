/** Part of a text, in UTF-16 units. */
export interface Piece {
  start: number;
  end: number;
}

/** Where a sentence may end. A row of signs or of white space is looked at once, however long it is. */
const SENTENCE_END = new RegExp(
  [
    // At its sign and what closes it, where no small letter follows; in scripts that know no spaces, at the sign.
    /(?<![.!?…])[.!?…]+["'”’»)\]]*\s+(?![\s\p{Ll}])/u,
    /[。！？｡]+[”’」』）]*\s*/,
    // At an empty line, and at the end of a line where the next does not go on with it.
    /(?<=\S)[^\S\n]*\n[^\S\n]*\n\s*/,
    /(?<=\S)[^\S\n]*\n\s*(?![\s\p{Ll}])/u,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

/** A shorter piece is most often an abbreviation or the number of a list; before an empty line it is a heading. */
const SHORTEST = 8;

/**
 * A text in pieces as small as a citation may be: its sentences, with the white space behind them, so that together
 * they are the whole text. The same for the same text, always: prompts are made of them, and have to stay cached.
 */
export function citablePieces(text: string): Piece[] {
  const pieces: Piece[] = [];
  let start = 0;
  for (const match of text.matchAll(SENTENCE_END)) {
    const end = match.index + match[0].length;
    const length = lengthWithin(text, start, end);
    if (length === 0 || (length < SHORTEST && !/\n\s*\n/.test(match[0]))) continue;
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
