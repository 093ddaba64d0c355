import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeAnthropic } from './fake-anthropic.js';

const upstream = new FakeAnthropic();
beforeAll(() => upstream.start());
afterAll(() => upstream.stop());

const text = (words: string) => ({ type: 'text', text: words });
const found = (source: string, part: object = {}) => ({
  ...{ type: 'search_result', source, title: `Title of ${source}` },
  ...{ content: [text('One. '), text('Two. '), text('Three.')], citations: { enabled: true } },
  ...part,
});

async function post(...content: unknown[]) {
  const response = await fetch(`${upstream.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'key', 'anthropic-version': '2026-10-21' },
    body: JSON.stringify({
      ...{ model: 'claude-haiku-4-5', max_tokens: 10, stream: true },
      messages: [{ role: 'user', content }],
    }),
  });
  return { status: response.status, text: await response.text() };
}

describe('FakeAnthropic, search results', () => {
  it.each<[string, object, RegExp]>([
    ['an unknown field', { colour: 1 }, /search_result\.colour: Extra inputs/],
    ['no source', { source: undefined }, /\.source: Field required/],
    ['no title', { title: '' }, /\.title: String should have at least 1/],
    ['plain content', { content: 'words' }, /\.content: Input should be a valid list/],
    ['no content', { content: [] }, /\.content: List should have at least 1 item/],
    ['blank content', { content: [text(' ')] }, /\.content\.0\.text: .* non-whitespace/],
    ['other content', { content: [{ type: 'image' }] }, /\.content\.0: Input should be 'text'/],
    ['strange citations', { citations: { enabled: 'yes' } }, /\.citations\.enabled: Input should be a valid boolean/],
    ['citations of some', { citations: { enabled: false } }, /enabled for all search_result blocks or for none/],
  ])('refuses %s', async (_name, part, fault) => {
    const { status, text: body } = await post(found('a'), found('b', part), text('?'));
    expect([status, body]).toEqual([400, expect.stringMatching(fault)]);
  });

  it('takes them with citations, and without', async () => {
    expect((await post(found('a'), found('b'), text('?'))).status).toBe(200);
    expect((await post(found('a', { citations: undefined }), text('?'))).status).toBe(200);
  });

  it('cites whole blocks of them', async () => {
    upstream.enqueue({ steps: [{ text: ['x', 'y'], cites: 'wo. Thr' }] });
    const { text: body } = await post(found('a', { content: [text('Nothing.')] }), found('b'), text('?'));
    const deltas = [...body.matchAll(/^data: (.*content_block_delta.*)$/gm)].map(
      ([, data]) => JSON.parse(data!) as object,
    );
    expect(deltas).toMatchObject([
      { delta: { type: 'text_delta', text: 'x' } },
      {
        delta: {
          type: 'citations_delta',
          citation: {
            ...{ type: 'search_result_location', cited_text: 'Two. Three.', source: 'b', title: 'Title of b' },
            ...{ search_result_index: 1, start_block_index: 1, end_block_index: 3 },
          },
        },
      },
      { delta: { type: 'text_delta', text: 'y' } },
    ]);
  });
});
