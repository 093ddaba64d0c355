import { analyze, type Analysis } from '../analysis/analyze.js';
import type { Language } from '../analysis/languages.js';
import type { Chunk, Chunking, ParsedText } from '../chunking/chunk.js';
import { chunkText } from '../chunking/chunk-text.js';
import { embeddedText } from '../chunking/embedded-text.js';
import { embedOffline } from '../embeddings/offline-embedding.js';

interface PreparationInput {
  document: ParsedText;
  title: string;
  chunking: Chunking;
  language: Language;
  /** Of a document with no more chunks than these, their words are read too, and their offline vectors, if wanted. */
  atOnce: number;
  embedOffline: boolean;
}

export interface Preparation {
  chunks: Chunk[];
  /** Of each chunk; null where they are too many. */
  words: Analysis[] | null;
  vectors: Float32Array[] | null;
}

/** Cuts a document; long ones take a while. */
export default async function prepareDocument(input: PreparationInput): Promise<Preparation> {
  const { document, title, chunking, language, atOnce } = input;
  const chunks = chunkText(document, chunking);
  if (chunks.length > atOnce) return { chunks, words: null, vectors: null };
  const texts = chunks.map(({ start, end, headingPath }) =>
    embeddedText({ content: document.text.slice(start, end), headingPath }, title),
  );
  const words = await Promise.all(texts.map((text) => analyze(text, language)));
  return { chunks, words, vectors: input.embedOffline ? await embedOffline(texts) : null };
}
