import { storableText } from './storable.js';

/** Text that comes in pieces, where a character outside the basic plane may come in two halves, one a piece. */
export class WholeCharacters {
  private half = '';

  /** What can be shown and stored of the text so far, and was not before; the first half of a character waits. */
  next(piece: string): string {
    const joined = this.half + piece;
    this.half = /[\ud800-\udbff]$/.test(joined) ? joined.slice(-1) : '';
    return storableText(joined.slice(0, joined.length - this.half.length));
  }

  /** The text is over, and a half that waits never becomes a character. */
  end(): void {
    this.half = '';
  }
}
