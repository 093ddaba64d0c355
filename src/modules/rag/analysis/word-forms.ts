import type { Language } from './languages.js';

interface WordForms {
  stopWords: ReadonlySet<string>;
  stem: (word: string) => string;
}

type Stemmer = Promise<{ stemmer: (word: string) => string }>;
type StopWords = Promise<{ stopwords: string[] }>;

/** In these a letter with a mark is a letter of its own; elsewhere people leave marks out when they search. */
const KEEP_MARKS: readonly Language[] = ['danish', 'finnish', 'norwegian', 'russian', 'swedish'];
const BEYOND_ASCII = /[^\0-\x7f]/;
const LATIN_MARKS = /(?<=\p{Script=Latin})\p{M}+/gu;
/** Numbers, and what is too long for a word, have no endings. */
const STEMMED = /^[\p{L}\p{M}']{3,40}$/u;
const ENGLISH_LEFT_OUT = ['a', 'll', 've'];

/** Nothing is read of a language before it is asked for. English has the newer stemmer of Porter, which is exact there. */
const SOURCES: Record<Exclude<Language, 'simple'>, () => [Stemmer, StopWords]> = {
  danish: () => [import('@orama/stemmers/danish'), import('@orama/stopwords/danish')],
  dutch: () => [import('@orama/stemmers/dutch'), import('@orama/stopwords/dutch')],
  english: () => [import('porter2').then(({ stem }) => ({ stemmer: stem })), import('@orama/stopwords/english')],
  finnish: () => [import('@orama/stemmers/finnish'), import('@orama/stopwords/finnish')],
  french: () => [import('@orama/stemmers/french'), import('@orama/stopwords/french')],
  german: () => [import('@orama/stemmers/german'), import('@orama/stopwords/german')],
  italian: () => [import('@orama/stemmers/italian'), import('@orama/stopwords/italian')],
  norwegian: () => [import('@orama/stemmers/norwegian'), import('@orama/stopwords/norwegian')],
  portuguese: () => [import('@orama/stemmers/portuguese'), import('@orama/stopwords/portuguese')],
  russian: () => [import('@orama/stemmers/russian'), import('@orama/stopwords/russian')],
  spanish: () => [import('@orama/stemmers/spanish'), import('@orama/stopwords/spanish')],
  swedish: () => [import('@orama/stemmers/swedish'), import('@orama/stopwords/swedish')],
};

const loaded = new Map<Language, Promise<WordForms>>();

export function wordForms(language: Language): Promise<WordForms> {
  const known = loaded.get(language) ?? load(language);
  loaded.set(language, known);
  return known;
}

async function load(language: Language): Promise<WordForms> {
  if (language === 'simple') return { stopWords: new Set(), stem: withoutMarks };
  const [{ stemmer }, { stopwords }] = await Promise.all(SOURCES[language]());
  const stem = KEEP_MARKS.includes(language) ? stemmer : (word: string) => withoutMarks(stemmer(word));
  return {
    stopWords: new Set([...stopwords, ...(language === 'english' ? ENGLISH_LEFT_OUT : [])]),
    stem: (word) => (STEMMED.test(word) ? stem(word.replaceAll('ё', 'е')) : withoutMarks(word)),
  };
}

function withoutMarks(word: string): string {
  return BEYOND_ASCII.test(word) ? word.normalize('NFD').replace(LATIN_MARKS, '').normalize('NFC') : word;
}
