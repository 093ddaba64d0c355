import { LANGUAGES } from './languages.js';
import { wordForms } from './word-forms.js';

let known: Promise<ReadonlySet<string>> | null = null;

/** The stop words of all languages, for what must not ask which language a text is in. */
export function functionWords(): Promise<ReadonlySet<string>> {
  return (known ??= collect());
}

async function collect(): Promise<ReadonlySet<string>> {
  const forms = await Promise.all(LANGUAGES.map(wordForms));
  return new Set(forms.flatMap(({ stopWords }) => [...stopWords]));
}
