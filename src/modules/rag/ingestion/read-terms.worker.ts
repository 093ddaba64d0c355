import { analyze } from '../analysis/analyze.js';
import type { Language } from '../analysis/languages.js';

export interface TermsInput {
  texts: string[];
  language: Language;
}

/** Of each text the words it is found by with how often they stand there, and how many they are in all. */
export default async function readTerms({
  texts,
  language,
}: TermsInput): Promise<{ terms: Map<string, number>; length: number }[]> {
  return Promise.all(texts.map((text) => analyze(text, language)));
}
