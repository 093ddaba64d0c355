import { headingOf } from './heading.js';
import type { Language } from './languages.js';
import { wordForms } from './word-forms.js';
import { eachWord } from './words.js';

export interface Analysis {
  /** By what a word is found under, how often it stands there. */
  terms: Map<string, number>;
  length: number;
}

/** Different ones of a text; more than a chunk of 4,000 tokens has. */
const MOST_TERMS = 10_000;
/** Different ones that a query is searched for. */
const MOST_QUERY_TERMS = 64;
const MOST_REMEMBERED = 50_000;

/** Of each language, the terms of words as they were met; none where there is nothing to find. */
const remembered = new Map<Language, Map<string, readonly string[]>>();

/** What a chunk is found by. Words of the title or heading that it begins with count twice. */
export async function analyze(text: string, language: Language): Promise<Analysis> {
  const termsOf = await reader(language);
  const terms = new Map<string, number>();
  let length = 0;
  const add = (word: string) => {
    for (const term of termsOf(word)) {
      const count = terms.get(term);
      if (count === undefined && terms.size >= MOST_TERMS) continue;
      terms.set(term, (count ?? 0) + 1);
      length++;
    }
  };
  eachWord(text, add);
  eachWord(headingOf(text), add);
  return { terms, length };
}

export interface QueryWords {
  /** As in `Analysis`; of a very long query the ones said most often. */
  terms: Map<string, number>;
  /** Each word as it stands in the query, and the terms it is found by. */
  words: Map<string, readonly string[]>;
}

export async function analyzeQuery(query: string, language: Language): Promise<QueryWords> {
  const termsOf = await reader(language);
  const counts = new Map<string, number>();
  const words = new Map<string, readonly string[]>();
  eachWord(query, (word) => {
    const found = termsOf(word);
    words.set(word, found);
    for (const term of found) counts.set(term, (counts.get(term) ?? 0) + 1);
  });
  const often = [...counts].sort(([, a], [, b]) => b - a).slice(0, MOST_QUERY_TERMS);
  return { terms: new Map(often), words };
}

/** The terms of a text in their order, so many at most. */
export async function termsInOrder(text: string, language: Language, most: number): Promise<string[]> {
  const termsOf = await reader(language);
  const terms: string[] = [];
  eachWord(text, (word) => {
    if (terms.length < most) terms.push(...termsOf(word));
  });
  return terms;
}

async function reader(language: Language): Promise<(word: string) => readonly string[]> {
  const { stopWords, stem } = await wordForms(language);
  const known = remembered.get(language) ?? new Map<string, readonly string[]>();
  remembered.set(language, known);
  return (word) => {
    const before = known.get(word);
    if (before) return before;
    const parts = stopWords.has(word) ? [] : partsOf(word);
    const terms = parts.filter((part) => !stopWords.has(part)).map(stem);
    if (known.size >= MOST_REMEMBERED) known.clear();
    known.set(word, terms);
    return terms;
  };
}

/** `l'homme` is found by `homme`, `women's` by `women`. */
function partsOf(word: string): string[] {
  if (!word.includes("'")) return [word];
  return word.split("'").filter((part) => part.length > 1);
}
