/** A piece of a document that an answer may be taken from, and cite. What stands in it is data, whatever it says. */
export interface Passage {
  chunkId: string;
  documentId: string;
  /** The document's. */
  title: string;
  content: string;
  page?: number | null;
  headingPath?: readonly string[];
}

/** What stands in a passage: `quote` is its `content` from `start` to `end`, in UTF-16 units. */
export interface Quote {
  documentId: string;
  chunkId: string;
  title: string;
  quote: string;
  start: number;
  end: number;
}

/** A quote and the piece of an answer that it supports, in UTF-16 units of the answer. */
export interface Citation extends Quote {
  answerStart: number;
  answerEnd: number;
}
