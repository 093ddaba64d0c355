import type { Passage } from '../../contracts/passage.js';
import { citablePieces, trimmedPiece } from './citable-pieces.js';
import { isPair, keywords } from './offline-extract.js';
import type { CitationClaim } from './quotes.js';

/** Part of an answer, and what it is taken from. */
export interface SaidText {
  text: string;
  claim?: CitationClaim;
}

interface Sentence {
  passage: number;
  /** Which of the passage's pieces. */
  piece: number;
  quote: string;
  /** Words of the question that it holds. */
  shared: string[];
  score: number;
}

const MOST_SENTENCES = 3;
/** Of the question's words a passage has to hold so many, title and headings included. */
const LEAST_COVERED = 0.6;
/** Where words are not divided, some of what is taken for words is none. */
const LEAST_COVERED_IN_PAIRS = 0.5;
/** And a sentence, title and headings included. */
const LEAST_SHARED = 0.4;
/** Of the best sentence's score another has to have so much. */
const NEXT_BEST = 0.6;

/** A heading of Markdown, or a question. */
const NO_ANSWER = /^#{1,6}\s|[?？؟]$/;

/** The sentences of passages that say most about a question, as they stand there; none where nothing is about it. */
export function quotedFrom(question: string, passages: readonly Passage[]): SaidText[] {
  const wanted = [...keywords(question)];
  const found = passages.flatMap((passage, index) => sentencesOf(passage, index, wanted));
  const scored = withScores(found, passages.length);
  const best = Math.max(0, ...scored.map(({ score }) => score));
  const chosen = unique(scored.filter(({ score }) => score >= best * NEXT_BEST))
    .sort((a, b) => b.score - a.score || a.passage - b.passage || a.piece - b.piece)
    .slice(0, MOST_SENTENCES)
    .sort((a, b) => a.passage - b.passage || a.piece - b.piece);
  return chosen.map(({ passage, piece, quote }, index) => ({
    text: (index > 0 ? ' ' : '') + quote.replace(/\s+/g, ' '),
    claim: { chunkIds: [passages[passage]?.chunkId ?? ''], quote, piece },
  }));
}

function sentencesOf({ title, headingPath = [], content }: Passage, passage: number, wanted: string[]): Sentence[] {
  const above = keywords([title, ...headingPath].join(' '));
  const around = keywords([title, ...headingPath, content].join(' '));
  const covered = wanted.filter((word) => around.has(word)).length;
  const least = wanted.some(isPair) ? LEAST_COVERED_IN_PAIRS : LEAST_COVERED;
  if (covered === 0 || covered < wanted.length * least) return [];
  return citablePieces(content).flatMap((part, piece) => {
    const { start, end } = trimmedPiece(content, part);
    const quote = content.slice(start, end);
    const held = keywords(quote);
    const shared = wanted.filter((word) => held.has(word));
    const covers = wanted.filter((word) => held.has(word) || above.has(word)).length;
    if (covers < wanted.length * LEAST_SHARED) return [];
    // What only repeats the question, as a heading does, or asks one itself, is no answer.
    if (shared.length === 0 || held.size === shared.length || NO_ANSWER.test(quote)) return [];
    return [{ passage, piece, quote, shared, score: 0 }];
  });
}

/** Words that few sentences hold say most; passages come best first. */
function withScores(sentences: Sentence[], passages: number): Sentence[] {
  const holders = new Map<string, number>();
  for (const word of sentences.flatMap(({ shared }) => shared)) holders.set(word, (holders.get(word) ?? 0) + 1);
  return sentences.map((sentence) => {
    const weights = sentence.shared.map((word) => Math.log(1 + sentences.length / (holders.get(word) ?? 1)));
    const rank = 1 - 0.1 * (sentence.passage / passages);
    return { ...sentence, score: weights.reduce((sum, weight) => sum + weight, 0) * rank };
  });
}

/** The same sentence may stand in several passages: the first stands for all. */
function unique(sentences: Sentence[]): Sentence[] {
  const first = new Map<string, Sentence>();
  for (const sentence of sentences) if (!first.has(sentence.quote)) first.set(sentence.quote, sentence);
  return [...first.values()];
}
