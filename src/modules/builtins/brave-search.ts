import { boundedBody } from '../../platform/egress/bounded-body.js';
import { requestFailure } from '../../platform/egress/request-failures.js';

const NAME = 'The web search';
const TIMEOUT_MS = 15_000;
const MOST_BYTES = 2 * 1024 * 1024;
const LONGEST_URL = 4_000;
const LONGEST_TEXT = 2_000;

export interface FoundPage {
  readonly title: string;
  readonly url: string;
  readonly description: string;
}

/** Why there are no results: a sentence for the model, with nothing of the key or of the way there. */
export class SearchRefused extends Error {
  constructor(
    message: string,
    /** It will stay so until the operator does something. */
    readonly isForOperator = false,
  ) {
    super(message);
    this.name = 'SearchRefused';
  }
}

/**
 * Brave's search API. The address is the operator's, so the rules for what users give do not hold for it; since the key
 * goes along, no redirect is followed, and of what is said beside an error nothing is shown: it may quote the key.
 */
export class BraveSearch {
  constructor(private readonly settings: { readonly url: string; readonly apiKey: string }) {}

  /** @throws SearchRefused, ExternalServiceFailed, or what `signal` was aborted with */
  async search(query: string, count: number, signal: AbortSignal): Promise<FoundPage[]> {
    const url = new URL(this.settings.url);
    for (const [name, value] of Object.entries({ q: query, count: String(count), text_decorations: 'false' }))
      url.searchParams.set(name, value);
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    try {
      const response = await fetch(url, {
        headers: { accept: 'application/json', 'x-subscription-token': this.settings.apiKey },
        redirect: 'error',
        signal: AbortSignal.any([signal, timeout]),
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw refusal(response);
      }
      return pagesOf(await bodyOf(response)).slice(0, count);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SearchRefused) throw error;
      if (timeout.aborted) throw new SearchRefused(`${NAME} did not answer within ${TIMEOUT_MS / 1000} s`);
      throw requestFailure(NAME, error);
    }
  }
}

function refusal({ status, headers }: Response): SearchRefused {
  if (status === 401 || status === 403)
    return new SearchRefused(`${NAME} refuses the key of this installation, which its operator has to mend`, true);
  if (status === 429) {
    const seconds = secondsToWait(headers);
    return new SearchRefused(`${NAME} is asked too often; try again ${seconds ? `in ${seconds} s` : 'later'}`);
  }
  // Brave's word for a key that it does not know is 422 too.
  if (status === 422) return new SearchRefused(`${NAME} does not take the query, or the installation's key`, true);
  return new SearchRefused(`${NAME} failed with status ${status}${status >= 500 ? '; try again later' : ''}`);
}

/** `X-RateLimit-…` list one number for each window; those with nothing remaining have to pass. */
function secondsToWait(headers: Headers): number | null {
  const numbers = (name: string): number[] => (headers.get(name) ?? '').split(',').map((text) => Number.parseInt(text));
  const [given = NaN] = numbers('retry-after');
  const remaining = numbers('x-ratelimit-remaining');
  const resets = numbers('x-ratelimit-reset').filter((_seconds, index) => !(Number(remaining[index]) > 0));
  const seconds = Number.isNaN(given) ? Math.max(0, ...resets.filter((reset) => !Number.isNaN(reset))) : given;
  return seconds > 0 ? seconds : null;
}

async function bodyOf({ body }: Response): Promise<unknown> {
  const text = body ? await new Response(boundedBody(body, MOST_BYTES, (error) => error)).text() : '';
  try {
    return JSON.parse(text);
  } catch {
    throw new SearchRefused(`${NAME} answered with what is no JSON`);
  }
}

/** Without a part for pages nothing was found. */
function pagesOf(answer: unknown): FoundPage[] {
  const { web } = (answer ?? {}) as { web?: { results?: unknown } | null };
  const results: unknown[] = Array.isArray(web?.results) ? web.results : [];
  return results.flatMap((result) => {
    const { url, title, description } = (result ?? {}) as Record<string, unknown>;
    if (typeof url !== 'string' || url.length > LONGEST_URL || !/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
      return [];
    return { title: plain(title) || url, url, description: plain(description) };
  });
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/** One line of text; results come as HTML with what was searched for in `<strong>`. */
function plain(html: unknown): string {
  if (typeof html !== 'string') return '';
  return html
    .slice(0, LONGEST_TEXT)
    .replace(/<\/?strong>/g, '')
    .replace(
      /&(?:#x([\da-f]{1,6})|#(\d{1,7})|(\w{2,4}));/gi,
      (whole, hex?: string, decimal?: string, name?: string) => {
        if (name !== undefined) return ENTITIES[name.toLowerCase()] ?? whole;
        const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
        return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      },
    )
    .replace(/\s+/g, ' ')
    .trim()
    .toWellFormed();
}
