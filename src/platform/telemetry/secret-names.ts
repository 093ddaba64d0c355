/** Words that make a name secret wherever they stand in it. */
const ANYWHERE = new Set([
  'password',
  'passwd',
  'passphrase',
  'secret',
  'secrets',
  'authorization',
  'cookie',
  'credential',
  'credentials',
]);

/** Words that make a name secret as its last: `accessToken` is one, `maxTokens` and `tokenSessionId` are not. */
const LAST = new Set(['token', 'key', 'apikey', 'hash']);

/** A Slack address is all one needs to post there. */
const WHOLE = new Set(['slackwebhookurl']);

/** True for the name of a field or header whose value must not be shown or logged. */
export function isSecretName(name: string): boolean {
  const words = name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z\d]+/)
    .filter((word) => word !== '');
  const last = words.at(-1);
  if (last === undefined) return false;
  return LAST.has(last) || words.some((word) => ANYWHERE.has(word)) || WHOLE.has(words.join(''));
}
