import { TimedOut } from '../../../contracts/errors.js';
import { boundedBody } from '../../../platform/egress/bounded-body.js';
import { codeOf } from '../../../platform/egress/provider-words.js';
import { ResponseTooLarge } from '../../../platform/egress/request-failures.js';
import { ModelCallFailed } from '../../models/model-errors.js';
import { malformed } from './provider-answer.js';
import { refusalOf } from './provider-refusal.js';

export interface ProviderCall {
  readonly provider: string;
  /** What is asked for, as messages name it: `Embeddings`. */
  readonly what: string;
  readonly url: string;
  /** Null: the server asks for none, as Ollama and vLLM do. */
  readonly apiKey: string | null;
  readonly body: object;
  readonly timeoutMs: number;
  readonly mostBytes: number;
  readonly signal: AbortSignal;
}

/** What is read of a refusal, and of any answer beside what was asked for. */
export const MORE_BYTES = 64 * 1024;

/**
 * One attempt to have JSON for JSON. The address is the operator's, so the rules for what users give do not hold for it;
 * since the key goes along, no redirect is followed.
 * @throws ModelCallFailed, TimedOut, the signal's reason
 */
export async function callProvider(call: ProviderCall): Promise<unknown> {
  const { provider, what, url, apiKey, body, timeoutMs, mostBytes, signal } = call;
  signal.throwIfAborted();
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        ...{ accept: 'application/json', 'content-type': 'application/json' },
        ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify(body),
      redirect: 'error',
      signal: AbortSignal.any([signal, timeout]),
    });
    const text = await textOf(response, response.ok ? mostBytes : MORE_BYTES);
    if (!response.ok) throw refusalOf(call, response, text);
    return parsed(call, text);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ModelCallFailed) throw error;
    if (error instanceof ResponseTooLarge) throw malformed(call, 'it is too large');
    if (timeout.aborted) throw new TimedOut(`${what} by ${provider} took too long`);
    throw new ModelCallFailed(provider, 'fault', `${provider} could not be reached${codeOf(error)}`);
  }
}

async function textOf({ body }: Response, mostBytes: number): Promise<string> {
  return body ? new Response(boundedBody(body, mostBytes, (error) => error)).text() : '';
}

function parsed(call: ProviderCall, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(call, 'it is no JSON');
  }
}
