import { retryAfterMs, withoutSecrets } from '../../../platform/egress/provider-words.js';
import type { FailureKind } from '../../models/model-errors.js';
import { ModelCallFailed } from '../../models/model-errors.js';

const MOST_CHARS = 300;
/** A text or a batch beyond what the model takes; no provider has a status of its own for it. */
const TOO_LONG =
  /\b(maximum context length|context length|too (many|long)|max(imum)? (allowed )?tokens|input length)\b/i;
/** OpenAI's word for an account without money comes with 429, and no waiting helps. */
const NO_MONEY = 'insufficient_quota';

/** What a refusal means, in words that hold no key. */
export function refusalOf(
  { provider, what, apiKey }: { provider: string; what: string; apiKey: string | null },
  response: { status: number; headers: Headers },
  body: string,
): ModelCallFailed {
  const { words, code } = wordsOf(body);
  const kind = kindOf(response.status, words, code);
  const isOfKey = response.status === 401 || response.status === 403;
  const shown = isOfKey ? 'it refuses the key of this installation' : withoutSecrets(words, apiKey, MOST_CHARS);
  return new ModelCallFailed(
    provider,
    kind,
    `${what} by ${provider} failed with status ${response.status}${shown === '' ? '' : `: ${shown}`}`,
    { retryAfterMs: retryAfterMs(response.headers) },
  );
}

function kindOf(status: number, words: string, code: unknown): FailureKind {
  if (code === NO_MONEY) return 'access';
  if (status === 401 || status === 402 || status === 403 || status === 404) return 'access';
  if (status === 408 || status === 409 || status === 429) return 'busy';
  if (status >= 500) return 'fault';
  return status === 413 || TOO_LONG.test(words) ? 'too_long' : 'request';
}

/** OpenAI: `{error: {message, code}}`, Voyage: `{detail}`, Ollama: `{error: "…"}`. */
function wordsOf(body: string): { words: string; code?: unknown } {
  try {
    const { error, detail } = JSON.parse(body) as { error?: unknown; detail?: unknown };
    const { message, code } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
    const words = [message, error, detail].find((word) => typeof word === 'string');
    return { words: typeof words === 'string' ? words : '', code };
  } catch {
    return { words: '' };
  }
}
