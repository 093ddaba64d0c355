import { describe, expect, it } from '@jest/globals';
import { KEY, givenUpstream, streaming } from '../../../test/upstream/anthropic-client.js';
import { FakeAnthropic } from '../../../test/upstream/fake-anthropic.js';
import { aRequest, collect, textOf } from '../../../test/upstream/model-request.js';
import { failing, saying, type Step } from '../../../test/upstream/reply.js';
import { TimedOut } from '../../contracts/errors.js';
import type { ModelEvent } from './model-client.js';
import { ModelCallFailed } from './model-errors.js';

const { upstream, client, failure } = givenUpstream();

describe('Failures of Anthropic', () => {
  it.each([
    [400, 'request', 502],
    [413, 'request', 502],
    [401, 'access', 502],
    [402, 'access', 502],
    [403, 'access', 502],
    [404, 'access', 502],
    [408, 'busy', 503],
    [409, 'busy', 503],
    [429, 'busy', 503],
    [500, 'fault', 503],
    [529, 'fault', 503],
  ])('takes %i as %s', async (status, kind, ours) => {
    const { error } = await failure(failing(status));
    expect(error).toBeInstanceOf(ModelCallFailed);
    expect(error).toMatchObject({
      kind,
      status: ours,
      code: 'external_service_error',
      details: { serviceName: 'anthropic' },
    });
    expect(upstream.calls).toBe(1);
  });

  it('passes on what the provider says, without secrets', async () => {
    const { error } = await failure(failing(400, {}, `bad ${KEY} and sk-ant-other-key-1 and Bearer abc.def, sorry`));
    expect(error.message).toMatch(
      /^Anthropic refused the request: bad \*\*\* and \*\*\* and Bearer \*\*\* sorry \(request req_\w+\)$/,
    );
  });

  it.each([
    'prompt is too long: 210000 tokens > 200000 maximum',
    'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens`',
  ])('takes %s as too long', async (message) => {
    const { error } = await failure(failing(400, {}, message));
    expect(error).toMatchObject({ kind: 'too_long', status: 502, message: expect.stringContaining(message) });
    const late = await failure(streaming({ text: 'half' }, { error: 'invalid_request_error', message }));
    expect(late.error).toMatchObject({ kind: 'too_long' });
  });

  it('says of a refused key only that', async () => {
    upstream.apiKey = 'another';
    const { error } = await failure(saying('never'));
    upstream.apiKey = null;
    expect(error.message).toMatch(/^Anthropic: the provider refused the key \(request req_\w+\)$/);
  });

  it.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '7', 'retry-after-ms': '120' }, 120],
    [{ 'retry-after': 'nonsense' }, undefined],
  ])('reads %j', async (headers, expected) => {
    expect((await failure(failing(429, headers))).error.retryAfterMs).toBe(expected);
  });

  it('reads retry-after given as a date', async () => {
    const { error } = await failure(failing(503, { 'retry-after': new Date(Date.now() + 30_000).toUTCString() }));
    expect(error.retryAfterMs).toBeGreaterThan(25_000);
    expect(error.retryAfterMs).toBeLessThanOrEqual(30_000);
    expect(error.retryAfter).toBeGreaterThanOrEqual(25);
  });

  it.each([
    ['overloaded_error', 'fault'],
    ['api_error', 'fault'],
    ['rate_limit_error', 'busy'],
    ['invalid_request_error', 'request'],
    ['authentication_error', 'access'],
  ])('takes the error event %s as %s', async (type, kind) => {
    const { error, events } = await failure(streaming({ text: 'half' }, { error: type, message: 'sorry' }));
    expect(error).toMatchObject({ kind });
    expect(textOf(events)).toBe('half');
  });

  it.each<[string, Step]>([
    ['that is not JSON', { raw: 'event: content_block_start\ndata: {"type": "content_b\n\n' }],
    ['for a block never begun', { event: 'content_block_stop', data: { type: 'content_block_stop', index: 5 } }],
    ['without its content', { event: 'content_block_start', data: { type: 'content_block_start', index: 5 } }],
  ])('takes an event %s as the provider failing', async (_, step) => {
    const { error } = await failure(streaming(step));
    expect(error).toMatchObject({ kind: 'fault', message: expect.stringContaining('malformed event') });
  });

  it.each<[string, Step]>([
    ['cut', { cut: true }],
    ['ended early', { end: true }],
    ['broken by an error', { error: 'overloaded_error', message: 'x' }],
  ])('settles a stream %s from the counted input and the received output', async (_, ending) => {
    const usage = { inputTokens: 500, cacheReadTokens: 20, cacheWriteTokens: 3 };
    const { error, unfinished } = await failure({
      steps: [{ text: 'one two three four' }, { pauseMs: 20 }, ending],
      usage,
    });
    expect(error).toMatchObject({ kind: 'fault' });
    expect(unfinished).toEqual({ ...usage, outputTokens: 6, estimated: true });
  });

  it('settles nothing for a call that never began', async () => {
    expect((await failure(failing(500))).unfinished).toBeUndefined();
    expect((await failure({ dropped: true })).unfinished).toBeUndefined();
  });

  it('names why a provider cannot be reached', async () => {
    const gone = await new FakeAnthropic().start();
    const { url } = gone;
    await gone.stop();
    const { error } = await failure(saying('never'), { baseUrl: url });
    expect(error).toMatchObject({ kind: 'fault', message: 'Anthropic could not be reached (ECONNREFUSED)' });
  });

  it('gives up on an upstream that never answers', async () => {
    const { error } = await failure({ silent: true }, { idleTimeoutMs: 50 });
    expect(error).toBeInstanceOf(TimedOut);
  });

  it('gives up on a stream that falls silent', async () => {
    const { error, events, unfinished } = await failure(streaming({ text: 'half' }, { hang: true }), {
      idleTimeoutMs: 50,
    });
    expect(error).toBeInstanceOf(TimedOut);
    expect(textOf(events)).toBe('half');
    expect(unfinished).toMatchObject({ outputTokens: 1, estimated: true });
  });

  it('takes pings as a sign of life', async () => {
    const pings = Array.from({ length: 8 }, (): Step[] => [{ ping: true }, { pauseMs: 40 }]).flat();
    upstream.enqueue(streaming(...pings, { text: 'thought long' }));
    expect(textOf(await collect(client({ idleTimeoutMs: 150 }).stream(aRequest({}))))).toBe('thought long');
  });

  it('does not take a slow reader for a silent provider', async () => {
    upstream.enqueue(saying('a', 'b', 'c'));
    const events: ModelEvent[] = [];
    for await (const event of client({ idleTimeoutMs: 40 }).stream(aRequest({}))) {
      events.push(event);
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(events.at(-1)).toMatchObject({ type: 'done' });
  });
});
