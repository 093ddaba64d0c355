import { isIP } from 'node:net';
import type { OnApplicationShutdown } from '@nestjs/common';
import type { Agent, buildConnector, fetch, RequestInit as UndiciInit, Response as UndiciResponse } from 'undici';
import { TimedOut } from '../../contracts/errors.js';
import type { AddressRules } from './address-rules.js';
import { boundedBody } from './bounded-body.js';
import { AddressRefused, type GuardedNames } from './guarded-names.js';
import { redirected, RedirectRefused, redirectTarget, type OutgoingRequest } from './redirected-request.js';
import { requestFailure } from './request-failures.js';

/** As the Fetch standard has it, by which MCP's SDK and others call out. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

export interface GuardedOptions {
  /** Stands in errors; the host of the URL if left out. */
  serviceName?: string;
  /** Until the headers of the (last) answer are there; null: only the caller's signal ends it. */
  headersTimeoutMs?: number | null;
  /** Until the whole answer was read; null (the default): only the caller's signal ends it. */
  totalTimeoutMs?: number | null;
  /** Of the body after decompression; what exceeds it breaks off with an error. Null for streams that go on and on. */
  maxBytes?: number | null;
}

const CONNECT_TIMEOUT_MS = 10_000;
const DEFAULTS = { headersTimeoutMs: 30_000, totalTimeoutMs: null, maxBytes: 10 * 1024 * 1024 } as const;
const MOST_REDIRECTS = 5;
/** They are the connection's: two opinions on where a request ends would reach into the next one on it. */
const NOT_THE_CALLERS = [
  'host',
  'connection',
  'keep-alive',
  'transfer-encoding',
  'content-length',
  'upgrade',
  'expect',
  'te',
];

/**
 * The one way out to addresses that users gave. A connection's name is resolved once, the addresses are checked, and
 * what was checked is dialled, while TLS and `Host` keep the name; a redirect is a new request, checked like the first.
 * Connections are kept by origin, whosever request opened them: they carry nothing of a caller (no HTTP/2, no client
 * certificate), headers go with each request.
 */
export class GuardedFetch implements OnApplicationShutdown {
  /** Made with the first request: the library takes a while to load, which no start should wait for. */
  private client: Promise<{ fetch: typeof fetch; agent: Agent }> | undefined;

  constructor(
    private readonly rules: AddressRules,
    private readonly names: GuardedNames,
  ) {}

  /** Bound, to be handed on. Rejects with ExternalServiceFailed, TimedOut, or what the caller's signal was aborted with. */
  readonly fetch: FetchLike = (url, init) => this.request(url, init ?? {}, {});

  /** The same with other bounds. */
  with(options: GuardedOptions): FetchLike {
    return (url, init) => this.request(url, init ?? {}, options);
  }

  async onApplicationShutdown(): Promise<void> {
    await (await this.client)?.agent.destroy();
  }

  private async newClient(): Promise<{ fetch: typeof fetch; agent: Agent }> {
    const undici = await import('undici');
    const dial = undici.buildConnector({ lookup: this.names.lookup, timeout: CONNECT_TIMEOUT_MS, allowH2: false });
    const connect: buildConnector.connector = (options, callback) => {
      const address = options.hostname.replace(/^\[|\]$/g, '');
      // A literal address is dialled without a look-up.
      if (isIP(address) !== 0 && !this.rules.permits(address)) callback(new AddressRefused(address), null);
      else dial(options, callback);
    };
    return {
      fetch: undici.fetch,
      agent: new undici.Agent({ connect, allowH2: false, headersTimeout: 0, bodyTimeout: 0 }),
    };
  }

  private async request(url: string | URL, init: RequestInit, options: GuardedOptions): Promise<Response> {
    const serviceName = options.serviceName ?? URL.parse(String(url))?.host ?? 'The address';
    const { headersTimeoutMs, totalTimeoutMs, maxBytes } = { ...DEFAULTS, ...options };
    const late = new AbortController();
    const timer = headersTimeoutMs === null ? undefined : setTimeout(() => late.abort(), headersTimeoutMs);
    const whole = totalTimeoutMs === null ? null : AbortSignal.timeout(totalTimeoutMs);
    const signal = AbortSignal.any([init.signal, late.signal, whole].filter((one) => one != null));
    const tooLate = (): TimedOut | null => {
      if (whole?.aborted) return new TimedOut(`${serviceName} did not answer whole within ${totalTimeoutMs} ms`);
      return late.signal.aborted ? new TimedOut(`${serviceName} did not answer within ${headersTimeoutMs} ms`) : null;
    };
    try {
      const { response, last, hops } = await this.follow(outgoing(url, init), init.redirect ?? 'follow', signal);
      const failed = (error: unknown): unknown =>
        init.signal?.aborted ? error : (tooLate() ?? requestFailure(serviceName, error));
      return answer(response, last.url, hops > 0, response.body && boundedBody(response.body, maxBytes, failed));
    } catch (error) {
      init.signal?.throwIfAborted();
      throw tooLate() ?? requestFailure(serviceName, error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async follow(
    first: OutgoingRequest,
    redirect: NonNullable<RequestInit['redirect']>,
    signal: AbortSignal,
  ): Promise<{ response: UndiciResponse; last: OutgoingRequest; hops: number }> {
    let request = first;
    for (let hops = 0; ; hops++) {
      const response = await this.send(request, signal);
      const location = redirectTarget(response);
      if (location === '' || redirect === 'manual') return { response, last: request, hops };
      await response.body?.cancel();
      if (redirect === 'error') throw new RedirectRefused('It redirects, which is not followed here');
      if (hops === MOST_REDIRECTS) throw new RedirectRefused(`It redirects more than ${MOST_REDIRECTS} times`);
      request = redirected(request, response.status, location);
    }
  }

  private async send({ url, method, headers, body }: OutgoingRequest, signal: AbortSignal): Promise<UndiciResponse> {
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new RedirectRefused(`${url.protocol} is no way out`);
    if (url.username || url.password) throw new RedirectRefused('The URL carries a user name or password');
    if (this.rules.faultOfHost(url.hostname)) throw new AddressRefused(url.hostname);
    this.client ??= this.newClient();
    const client = await this.client;
    const init: UndiciInit = {
      method,
      headers: [...headers],
      body: body as UndiciInit['body'],
      redirect: 'manual',
      signal,
      duplex: 'half',
      dispatcher: client.agent,
    };
    return client.fetch(url, init);
  }
}

function outgoing(url: string | URL, init: RequestInit): OutgoingRequest {
  const parsed = URL.parse(String(url));
  if (!parsed) throw new RedirectRefused('It is no URL');
  const headers = new Headers(init.headers);
  for (const name of NOT_THE_CALLERS) headers.delete(name);
  if (!headers.has('user-agent')) headers.set('user-agent', 'Atrium');
  return { url: parsed, method: (init.method ?? 'GET').toUpperCase(), headers, body: init.body };
}

/** Of the platform's own class, which callers ask for by `instanceof`, and with its last URL. */
function answer(from: UndiciResponse, url: URL, redirected: boolean, body: ReadableStream | null): Response {
  const response = new Response(body, { status: from.status, statusText: from.statusText, headers: [...from.headers] });
  return Object.defineProperties(response, { url: { value: url.href }, redirected: { value: redirected } });
}
