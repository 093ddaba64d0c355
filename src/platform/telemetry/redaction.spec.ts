import { describe, expect, it } from '@jest/globals';
import { HIDDEN, maskText, redact } from './redaction.js';
import { isSecretName } from './secret-names.js';

describe('A name', () => {
  it.each([
    'password',
    'currentPassword',
    'password_hash',
    'accessToken',
    'refresh-token',
    'apiKey',
    'X-API-Key',
    'Authorization',
    'cookie',
    'set-cookie',
    'clientSecret',
    'webhookSecret',
    'ENCRYPTION_KEY',
    'keyHash',
    'secrets',
    'slackWebhookUrl',
    'METRICS_TOKEN',
    'key',
    'token',
    'secret',
  ])('%s is secret', (name) => {
    expect(isSecretName(name)).toBe(true);
  });

  it.each([
    'maxTokens',
    'inputTokens',
    'tokenSessionId',
    'keyboard',
    'name',
    'tokensPerMonth',
    'monkey',
    'publicKeyId',
    'tokenType',
    '',
  ])('%s is not', (name) => {
    expect(isSecretName(name)).toBe(false);
  });
});

describe('What is logged', () => {
  it('loses the values of secret names at any depth, and nothing else', () => {
    const line = {
      tenantId: 't',
      headers: [{ authorization: 'Bearer x', accept: 'a' }],
      login: { password: 'p', email: 'e' },
    };
    expect(redact(line)).toEqual({
      tenantId: 't',
      headers: [{ authorization: HIDDEN, accept: 'a' }],
      login: { password: HIDDEN, email: 'e' },
    });
  });

  it.each([
    ['postgres://atrium:hunter22@db:5432/atrium', `postgres://atrium:${HIDDEN}@db:5432/atrium`],
    ['redis://:p%40ss@cache failed', `redis://:${HIDDEN}@cache failed`],
    ['Authorization: Bearer abcdefgh.ijkl', `Authorization: Bearer ${HIDDEN}`],
    ['key sk-abcdefghijk is bad', `key ${HIDDEN} is bad`],
    ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl', HIDDEN],
    ['https://example.com/a?b=c, 12:30 @noon', 'https://example.com/a?b=c, 12:30 @noon'],
  ])('of the text %s is %s', (text, masked) => {
    expect(maskText(text)).toBe(masked);
  });

  it('of an error is its chain of causes, without what clients hang on it', () => {
    const cause = Object.assign(new TypeError('at postgres://a:bcd@host'), { code: '22P02', parameters: ['secret'] });
    const described = redact(new Error('outer', { cause }));
    expect(described).toMatchObject({
      type: 'Error',
      message: 'outer',
      at: expect.stringMatching(/^platform\/telemetry\/redaction\.spec\.(ts|js):\d+$/),
      cause: { type: 'TypeError', code: '22P02', message: `at postgres://a:${HIDDEN}@host` },
    });
    expect(JSON.stringify(described)).not.toMatch(/bcd|parameters/);
  });

  it('ends, whatever it is', () => {
    const circle: Record<string, unknown> = {};
    circle['self'] = circle;
    expect(JSON.stringify(redact(circle))).toContain('[deep]');
    expect((redact(Array(5000).fill(1)) as unknown[]).filter((item) => item === 1)).toHaveLength(1000);
    expect(maskText('x'.repeat(30_000)).length).toBeLessThan(21_000);
  });
});
