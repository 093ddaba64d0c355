export interface ParsedDocument {
  /** Lines end with \n; no NUL, no lone surrogates, NFC; never only whitespace. */
  text: string;
  /** The document's own. */
  title: string | null;
  /** Headings, by UTF-16 offset into the text, ascending. */
  sections: Section[];
  /** Where each page, slide or sheet begins; none where the format has none. */
  pages: Page[];
}

export interface Section {
  level: number;
  title: string;
  start: number;
}

export interface Page {
  page: number;
  start: number;
}
