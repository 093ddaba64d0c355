import { describe, expect, it } from '@jest/globals';
import { embedOffline, OFFLINE_DIMENSIONS, type WordWeights } from './offline-embedding.js';

async function embed(text: string, weights?: WordWeights): Promise<Float32Array> {
  const [vector] = await embedOffline([text], weights);
  return vector!;
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, n) => sum + value * b[n]!, 0);
}

async function alike(a: string, b: string, weights?: WordWeights): Promise<number> {
  return cosine(await embed(a, weights), await embed(b));
}

describe('embedOffline', () => {
  it('gives the same for the same text, whatever came before it', async () => {
    const text = 'Vaccines induce a lasting immune response.';
    const first = await embed(text);
    await embedOffline(['something else', 'immune']);
    const [, second] = await embedOffline(['Another text', text]);
    expect(second).toEqual(first);
    expect(first).toHaveLength(OFFLINE_DIMENSIONS);
  });

  it('stays as it is: stored vectors are compared with new ones', async () => {
    const vector = await embed('Knowledge 知識 42');
    const shown = [...vector.keys()].filter((n) => vector[n] !== 0).slice(0, 6);
    expect(shown.map((n) => [n, Number(vector[n]!.toFixed(4))])).toMatchInlineSnapshot(`
      [
        [
          33,
          0.101,
        ],
        [
          44,
          -0.2082,
        ],
        [
          56,
          0.101,
        ],
        [
          79,
          -0.2082,
        ],
        [
          82,
          0.2082,
        ],
        [
          87,
          -0.2405,
        ],
      ]
    `);
  });

  it('finds other forms of a word, in any language, nearer than other words', async () => {
    expect(await alike('immunosuppressive drugs', 'immunosuppression by a drug')).toBeGreaterThan(0.4);
    expect(await alike('Krankenversicherung', 'die Versicherung der Kranken')).toBeGreaterThan(0.4);
    expect(await alike('知識ベース', '知識の管理')).toBeGreaterThan(0.3);
    expect(Math.abs(await alike('immunosuppressive drugs', 'harbour boats at night'))).toBeLessThan(0.2);
  });

  it('lets function words count for little, yet finds them when there is nothing else', async () => {
    expect(await alike('the boats of the harbour', 'boats harbour')).toBeGreaterThan(0.9);
    expect(await alike('to be or not to be', 'to be, or not to be')).toBeCloseTo(1, 5);
  });

  it('goes by the rare words of a query where it is told them', async () => {
    const weights = new Map([
      ['cell', 0.05],
      ['telomerase', 1],
    ]);
    const query = 'cell telomerase';
    expect(await alike(query, 'telomerase', weights)).toBeGreaterThan(await alike(query, 'telomerase'));
  });

  it.each([
    'a'.repeat(1_000_000),
    'مرحبا بالعالم',
    '🎉',
    'x\uD800y',
    `e${'\u0301'.repeat(100_000)}`,
    '猫'.repeat(10_000),
    'constructor __proto__',
  ])('has length 1, of %.20j', async (text) => {
    const vector = await embed(text);
    expect(Math.hypot(...vector)).toBeCloseTo(1, 5);
  });

  it.each(['', ' \n', '\0', '\uD800', '...'])('has no direction where there are no words: %j', async (text) => {
    expect((await embed(text)).every((value) => value === 0)).toBe(true);
  });
});
