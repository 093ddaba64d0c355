import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { pdf, png } from '../sample-files.js';
import { FakeAnthropic } from './fake-anthropic.js';

const upstream = new FakeAnthropic();
beforeAll(() => upstream.start());
afterAll(() => upstream.stop());

const valid = {
  model: 'claude-haiku-4-5',
  max_tokens: 10,
  stream: true,
  messages: [{ role: 'user', content: 'Hello' }],
};
const user = (...content: unknown[]) => ({ role: 'user', content });
const assistant = (...content: unknown[]) => ({ role: 'assistant', content });
const text = (words: string, extra = {}) => ({ type: 'text', text: words, ...extra });
const use = (id: string) => ({ type: 'tool_use', id, name: 'a', input: {} });
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'x' });
const image = (media_type = 'image/png', data = png().toString('base64')) => ({
  type: 'image',
  source: { type: 'base64', media_type, data },
});
const document = (title: string) => ({
  type: 'document',
  title,
  source: { type: 'base64', media_type: 'application/pdf', data: pdf('a').toString('base64') },
});
const marked = { cache_control: { type: 'ephemeral' } };

async function post(body: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${upstream.url}/v1/messages`, {
    method: 'POST',
    headers: { 'x-api-key': 'key', 'anthropic-version': '2026-10-21', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}

describe('FakeAnthropic', () => {
  it('streams the events of the Messages API in their order', async () => {
    const { status, text: body } = await post(valid);
    expect(status).toBe(200);
    const names = [...body.matchAll(/^event: (.+)$/gm)].map(([, name]) => name);
    expect(names.filter((name) => name !== 'content_block_delta')).toEqual([
      'message_start',
      'content_block_start',
      'ping',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ['no model', { model: undefined }, /model: Field required/],
    ['no tokens', { max_tokens: 0 }, /max_tokens: Input should be greater than or equal to 1/],
    ['too many tokens', { max_tokens: 64_001 }, /max_tokens: 64001 > 64000/],
    ['an unknown field', { colour: 1 }, /colour: Extra inputs are not permitted/],
    ['a temperature, gone from this version', { temperature: 1 }, /temperature: Extra inputs are not permitted/],
    ['no message', { messages: [] }, /at least one message is required/],
    [
      'an assistant first',
      { messages: [assistant(text('a')), user(text('b'))] },
      /first message must use the \\"user\\" role/,
    ],
    ['an empty message', { messages: [user()] }, /must have non-empty content/],
    ['an empty text', { messages: [user(text(''))] }, /text content blocks must be non-empty/],
    ['a blank text', { messages: [user(text(' '))] }, /must contain non-whitespace text/],
    [
      'a marked empty text',
      { messages: [user(text('', marked))] },
      /cache_control cannot be set for empty text blocks/,
    ],
    [
      'five marks',
      { messages: [user(...Array.from({ length: 5 }, () => text('a', marked)))] },
      /maximum of 4 blocks with cache_control/,
    ],
    [
      'a call without result',
      { messages: [user(text('a')), assistant(use('t1')), user(text('b'))] },
      /`tool_use` ids were found without/,
    ],
    ['a call at the end', { messages: [user(text('a')), assistant(use('t1'))] }, /`tool_use` ids were found without/],
    [
      'a late result',
      { messages: [user(text('a')), assistant(use('t1')), user(text('b'), result('t1'))] },
      /`tool_use` ids were found without/,
    ],
    ['a result without call', { messages: [user(result('t1'))] }, /unexpected `tool_use_id` found/],
    ['white space to go on from', { messages: [user(text('a')), assistant(text('b '))] }, /trailing whitespace/],
    ['a bad tool name', { tools: [{ name: 'a:b', input_schema: { type: 'object' } }] }, /should match pattern/],
    ['a tool without schema', { tools: [{ name: 'a' }] }, /input_schema.type: Field required/],
    ['an image without source', { messages: [user({ type: 'image' })] }, /source: Field required/],
    ['base64 that is none', { messages: [user(image('image/png', '####'))] }, /invalid base64 data/],
    ['bytes of another type', { messages: [user(image('image/jpeg', png().toString('base64')))] }, /does not match/],
    ['an image of a type it does not take', { messages: [user(image('image/bmp', 'Qk0='))] }, /media_type/],
    ['a PDF as an image', { messages: [user(image('application/pdf', 'JVBERi0='))] }, /media_type/],
    [
      'an image of more than 5 MB',
      { messages: [user(image('image/png', png().toString('base64').slice(0, 24) + 'A'.repeat(5_242_880)))] },
      /image exceeds 5 MB/,
    ],
    [
      'a document without text',
      { messages: [user({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: ' ' } })] },
      /must be non-empty/,
    ],
    [
      'text of a type of its own',
      { messages: [user({ type: 'document', source: { type: 'text', media_type: 'text/csv', data: 'a' } })] },
      /media_type/,
    ],
    [
      'a document with a title too long',
      { messages: [user(document('x'.repeat(501)))] },
      /title: String should have at most 500/,
    ],
    ['too many images', { messages: [user(...Array.from({ length: 21 }, () => image()))] }, /many-image/],
    ['an image of an assistant', { messages: [user(text('a')), assistant(image()), user(text('b'))] }, /not permitted/],
    [
      'thinking it never issued',
      { messages: [user(text('a')), assistant({ type: 'thinking', thinking: 'x', signature: 'y' }), user(text('b'))] },
      /Invalid `signature`/,
    ],
    [
      'a prompt beyond the window',
      { messages: [user(text('x'.repeat(3_600_004))), assistant(text('箱'.repeat(100_000))), user(text('b'))] },
      /prompt is too long: 1000\d{3} tokens > 1000000 maximum/,
    ],
  ])('refuses %s', async (_, extra, message) => {
    const { status, text: body } = await post({ ...valid, ...extra });
    expect(body).toMatch(message);
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error' },
      request_id: expect.any(String),
    });
  });

  it('joins turns of one role before it judges them', async () => {
    const messages = [
      user(text('a')),
      assistant(use('t1')),
      assistant(use('t2')),
      user(result('t2')),
      user(result('t1'), text('b')),
    ];
    expect(await post({ ...valid, messages })).toMatchObject({ status: 200 });
  });

  it('takes images and documents of a user', async () => {
    const plain = { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'a' }, ...marked };
    expect(await post({ ...valid, messages: [user(image(), document('A'), plain)] })).toMatchObject({ status: 200 });
  });

  it('takes a temperature under the version that has it, and not for models that lost it', async () => {
    const version = { 'anthropic-version': '2023-06-01' };
    expect(await post({ ...valid, temperature: 0.5 }, version)).toMatchObject({ status: 200 });
    expect(await post({ ...valid, model: 'claude-opus-5-5', temperature: 0.5 }, version)).toMatchObject({
      status: 400,
    });
  });

  it('refuses other requests as the API does', async () => {
    expect(await post(valid, { 'x-api-key': '' })).toMatchObject({ status: 401 });
    expect(await post('{')).toMatchObject({ status: 400 });
    expect(await post({ ...valid, model: 'gpt-4' })).toMatchObject({ status: 404 });
  });
});
