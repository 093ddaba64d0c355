import { expect, it } from '@jest/globals';
import { secretsOf, withoutSecrets } from './without-secrets.js';

it('hides what was sent in headers wherever it comes back', () => {
  const secrets = secretsOf({ Authorization: 'Bearer a"b\\c-secret', 'X-Key': 'another-secret', 'X-Short': 'yes' });
  const said = {
    text: 'You sent Bearer a"b\\c-secret and a"b\\c-secret',
    list: [{ 'another-secret': 'another-secret!' }],
    short: 'yes',
  };
  expect(withoutSecrets(said, secrets)).toEqual({
    text: 'You sent *** and ***',
    list: [{ '***': '***!' }],
    short: 'yes',
  });
});

it('leaves alone what holds none', () => {
  const said = { text: 'Nothing of that kind' };
  expect(withoutSecrets(said, ['another-secret'])).toBe(said);
  expect(withoutSecrets<unknown>(undefined, ['another-secret'])).toBeUndefined();
});
