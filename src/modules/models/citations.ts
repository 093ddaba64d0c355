import type { Citation, Quote } from '../../contracts/passage.js';
import { trimmedPiece } from './citable-pieces.js';

/** Text of an answer, with what it is taken from. */
export interface CitedText {
  text: string;
  citations?: Quote[];
}

/** The citations of an answer that consists of these texts, one after the other. */
export function citationsOf(texts: readonly CitedText[]): Citation[] {
  const answer = texts.map(({ text }) => text).join('');
  let end = 0;
  return texts.flatMap(({ text, citations = [] }) => {
    const piece = { start: end, end: (end += text.length) };
    const { start: answerStart, end: answerEnd } = trimmedPiece(answer, piece);
    return answerStart === answerEnd ? [] : citations.map((quote) => ({ ...quote, answerStart, answerEnd }));
  });
}

/** What stands between two places of such an answer. */
export function citedSlice(texts: readonly CitedText[], start: number, end: number): CitedText[] {
  let at = 0;
  return texts.flatMap(({ text, citations }) => {
    const [from, to] = [Math.max(0, start - at), Math.max(0, end - at)];
    at += text.length;
    const part = text.slice(from, to);
    return part === '' ? [] : [{ text: part, ...(citations && { citations }) }];
  });
}
