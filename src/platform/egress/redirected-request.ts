/** One request as it goes out: what a redirect changes of it stands here. */
export interface OutgoingRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: RequestInit['body'];
}

/** A redirect that is not followed. */
export class RedirectRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'RedirectRefused';
  }
}

const STATUSES = new Set([301, 302, 303, 307, 308]);
/** Whatever else a tenant sends along may be a credential under a name of its own. */
const FOR_ANY_ORIGIN = ['accept', 'accept-language', 'user-agent'];
const OF_THE_BODY = ['content-type', 'content-encoding', 'content-language', 'content-location', 'content-length'];

export function redirectTarget(response: { status: number; headers: { get(name: string): string | null } }): string {
  return STATUSES.has(response.status) ? (response.headers.get('location') ?? '') : '';
}

/** As the Fetch standard has it, and stricter with what goes to another origin. */
export function redirected(request: OutgoingRequest, status: number, location: string): OutgoingRequest {
  const url = URL.parse(location, request.url.href);
  if (!url) throw new RedirectRefused('It redirects to what is no URL');
  const becomesGet = (status === 303 && request.method !== 'HEAD') || (status <= 302 && request.method === 'POST');
  const stays = isSameOrigin(request.url, url);
  const headers = new Headers(request.headers);
  if (!stays) for (const name of [...headers.keys()]) if (!FOR_ANY_ORIGIN.includes(name)) headers.delete(name);
  if (becomesGet) {
    for (const name of OF_THE_BODY) headers.delete(name);
    return { url, method: 'GET', headers, body: undefined };
  }
  if (request.body == null) return { ...request, url, headers };
  if (!stays) throw new RedirectRefused('It redirects a request with a body to another origin');
  if (request.body instanceof ReadableStream) throw new RedirectRefused('It redirects a stream, which is gone by then');
  return { ...request, url, headers };
}

/** The same host by https instead of http, both on their usual ports, is no other place. */
function isSameOrigin(from: URL, to: URL): boolean {
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === '';
  return from.origin === to.origin || (isUpgrade && from.hostname === to.hostname);
}
