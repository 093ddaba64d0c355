import { describe, expect, it } from '@jest/globals';
import { analyze, analyzeQuery } from './analyze.js';
import { LANGUAGES, type Language } from './languages.js';

async function termsOf(text: string, language: Language): Promise<string[]> {
  return [...(await analyze(text, language)).terms.keys()];
}

describe('analyze', () => {
  it.each<[Language, string, string]>([
    ['english', 'inductions', 'induction'],
    ['english', 'The women’s studies', 'women studying'],
    ['german', 'die Häuser', 'Haus'],
    ['german', 'Straße', 'strasse'],
    ['french', 'l’hôpital', 'hopitaux'],
    ['spanish', 'canciones', 'canción'],
    ['italian', 'dell’abbandonata', 'abbandonato'],
    ['portuguese', 'quilométricas', 'quilometricos'],
    ['dutch', 'lichamelijk', 'lichamelijke'],
    ['swedish', 'klostergården', 'klostergårdar'],
    ['norwegian', 'husene', 'huset'],
    ['danish', 'husene', 'huset'],
    ['finnish', 'kirjastoissa', 'kirjastosta'],
    ['russian', 'зелёных книгами', 'зеленые книги'],
    ['simple', 'Zürich', 'zurich'],
  ])('%s: %p is found by %p', async (language, text, query) => {
    const terms = await termsOf(text, language);
    expect(terms.length).toBeGreaterThan(0);
    expect([...(await analyzeQuery(query, language)).terms.keys()]).toEqual(terms);
  });

  it('takes every word of `simple` as it stands', async () => {
    expect(await termsOf('the studies', 'simple')).toEqual(['the', 'studies']);
  });

  it('keeps letters apart that are letters of their own', async () => {
    expect(await termsOf('får', 'swedish')).not.toEqual(await termsOf('far', 'swedish'));
  });

  it('counts, without the words that say nothing', async () => {
    const { terms, length } = await analyze('The cat and the cats of a dog', 'english');
    expect([...terms]).toEqual([
      ['cat', 2],
      ['dog', 1],
    ]);
    expect(length).toBe(3);
  });

  it('counts the title twice, and a long first paragraph once', async () => {
    expect((await analyze('Cats\n\nA dog', 'english')).terms).toEqual(
      new Map([
        ['cat', 2],
        ['dog', 1],
      ]),
    );
    const long = `cat ${'dog '.repeat(50)}`;
    expect((await analyze(`${long}\n\nbird`, 'english')).terms.get('cat')).toBe(1);
  });

  it('is not confused by names that objects have', async () => {
    const { terms } = await analyze('constructor prototype toString hasOwnProperty', 'english');
    expect([...terms.values()]).toEqual([1, 1, 1, 1]);
  });

  it.each([...LANGUAGES])('%s: hostile texts come out bounded and storable', async (language) => {
    const texts = [
      '',
      '\0',
      '\uD800',
      'a'.repeat(1_000_000),
      '\u0301'.repeat(10_000),
      '猫'.repeat(1_000),
      "'".repeat(999),
    ];
    texts.push(Array.from({ length: 20_000 }, (_, n) => `w${n}`).join(' '));
    for (const text of texts) {
      const { terms, length } = await analyze(text, language);
      expect(terms.size).toBeLessThanOrEqual(10_000);
      expect(length).toBe([...terms.values()].reduce((sum, count) => sum + count, 0));
      const isGood = (term: string) => term !== '' && term.length <= 70 && term.isWellFormed() && !term.includes('\0');
      expect([...terms.keys()].filter((term) => !isGood(term))).toEqual([]);
    }
  });
});

describe('analyzeQuery', () => {
  it('tells the terms of each word', async () => {
    const { terms, words } = await analyzeQuery('What induces the Inductions?', 'english');
    expect(terms).toEqual(
      new Map([
        ['induc', 1],
        ['induct', 1],
      ]),
    );
    expect(words.get('inductions')).toEqual(['induct']);
    expect(words.get('the')).toEqual([]);
  });

  it('keeps the words of a very long query that are said most often', async () => {
    const query = `${Array.from({ length: 500 }, (_, n) => `x${n}`).join(' ')} needle needle`;
    const { terms } = await analyzeQuery(query, 'english');
    expect(terms.size).toBe(64);
    expect(terms.get('needl')).toBe(2);
  });
});
