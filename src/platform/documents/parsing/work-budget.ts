import { DocumentFault } from './document-fault.js';

const MAX_UNPACKED_BYTES = 300_000_000;
const MAX_CHARACTERS = 20_000_000;
/** Headings and pages, which are copied one by one between threads. */
const MAX_MARKS = 50_000;

/** What one document may take, with all that is inside it. */
export class WorkBudget {
  private unpacked = 0;
  private characters = 0;
  private marks = 0;

  /** @throws DocumentFault when what was unpacked, whatever its headers promised, is too much */
  unpack(bytes: number): void {
    this.unpacked += bytes;
    if (this.unpacked > MAX_UNPACKED_BYTES) throw new DocumentFault('too_large');
  }

  /** @throws DocumentFault when there is too much text */
  write(characters: number): void {
    this.characters += characters;
    if (this.characters > MAX_CHARACTERS) throw new DocumentFault('too_large');
  }

  /** @throws DocumentFault when there are too many headings and pages */
  mark(): void {
    if (++this.marks > MAX_MARKS) throw new DocumentFault('too_large');
  }
}
