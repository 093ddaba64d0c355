import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { FetchLike, Transport, TransportSendOptions } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, JSONRPCNotification, RequestId } from '@modelcontextprotocol/sdk/types.js';
import { AskedTooMuch, Flooded, InvalidAnswer, ServerDied } from '../mcp-errors.js';
import { EventBudget, SizeBudget } from './answer-budget.js';
import { AnswersUnderWay } from './answers-under-way.js';
import { isMalformed } from './is-malformed.js';
import { watched } from './watched-body.js';

/** For the SDK to read what has come of a stream that has ended. */
const LAST_WORDS_MS = 250;

/** A server may say how soon it wants its stream to be opened again, but not as fast as we can. */
const BETWEEN_STREAMS_MS = 250;
const FAREWELL_MS = 1_000;
/** For the server to take a message that it has nothing to say to: nobody waits for it, so nobody would end it. */
const TAKEN_WITHIN_MS = 15_000;
const EVENTS = 'text/event-stream';

interface Waiting {
  /** The server has said how its stream can be taken up again. */
  resumable: boolean;
  abort: AbortController;
}

interface WatchedOptions {
  serverName: string;
  fetch: FetchLike;
  /** Everything comes by one stream, without which there is no connection: the older transport. */
  isOneStream: boolean;
  /** Makes the SDK's transport, which is to call out by this. */
  make: (fetch: FetchLike) => Transport;
  takenWithinMs?: number;
}

/** What is being sent: a request, or what is not answered and has to be taken in time. */
type Sending = { id: RequestId } | { late: AbortSignal };

/**
 * The SDK's transports over HTTP, bounded in what they read. What is no JSON-RPC, too much, or ends without an answer
 * ends the connection at once, where the SDK would wait for the time-out; a call that is cancelled is broken off.
 */
export class WatchedTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  protocolVersion: string | undefined;
  fault: Error | null = null;
  private readonly inner: Transport;
  private readonly waiting = new Map<RequestId, Waiting>();
  private readonly sending = new AsyncLocalStorage<Sending>();
  private readonly answers: AnswersUnderWay;
  private closed = false;
  private streamedAt = -Infinity;

  constructor(private readonly options: WatchedOptions) {
    this.answers = new AnswersUnderWay(options.serverName);
    this.inner = options.make((url, init) => this.fetch(url, init));
  }

  get sessionId(): string | undefined {
    return this.inner.sessionId;
  }

  async start(): Promise<void> {
    this.inner.onclose = () => this.ended();
    this.inner.onerror = (error) => this.heard(error);
    this.inner.onmessage = (message: JSONRPCMessage) => {
      if (!('method' in message) && message.id !== undefined) this.waiting.delete(message.id);
      this.onmessage?.(message);
    };
    await this.inner.start();
  }

  async send(message: JSONRPCMessage, options?: TransportSendOptions): Promise<void> {
    if (!('method' in message)) {
      await this.answer(message, options);
      return;
    }
    if (!('id' in message)) {
      await this.sendInTime(message, options).finally(() => this.breakOffIfCancelled(message));
      return;
    }
    const { id } = message;
    const waiting: Waiting = { resumable: false, abort: new AbortController() };
    this.waiting.set(id, waiting);
    const onresumptiontoken = (token: string): void => {
      waiting.resumable = true;
      options?.onresumptiontoken?.(token);
    };
    try {
      await this.sending.run({ id }, () => this.inner.send(message, { ...options, onresumptiontoken }));
    } catch (error) {
      this.waiting.delete(id);
      throw error;
    }
  }

  setProtocolVersion(version: string): void {
    this.protocolVersion = version;
    this.inner.setProtocolVersion?.(version);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.sayGoodbye();
    await this.inner.close();
    this.ended();
  }

  /** A server that keeps a session for us may forget it. */
  private async sayGoodbye(): Promise<void> {
    const { inner, fault } = this;
    if (fault || inner.sessionId === undefined || !(inner instanceof StreamableHTTPClientTransport)) return;
    await Promise.race([
      inner.terminateSession().catch(() => undefined),
      sleep(FAREWELL_MS, undefined, { ref: false }),
    ]);
  }

  /** To a request of the server, which may ask in an answer of any length, and leave ours to wait. */
  private async answer(message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void> {
    if (this.fault) throw this.fault;
    try {
      await this.answers.send(() => this.sendInTime(message, options));
    } catch (error) {
      if (error instanceof AskedTooMuch) this.fail(error);
      throw error;
    }
  }

  private async sendInTime(message: JSONRPCMessage, options: TransportSendOptions | undefined): Promise<void> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), this.options.takenWithinMs ?? TAKEN_WITHIN_MS).unref();
    try {
      await this.sending.run({ late: late.signal }, () => this.inner.send(message, options));
    } finally {
      clearTimeout(timer);
    }
  }

  private breakOffIfCancelled({ method, params }: JSONRPCNotification): void {
    if (method !== 'notifications/cancelled') return;
    const id = params?.['requestId'] as RequestId;
    this.waiting.get(id)?.abort.abort();
    this.waiting.delete(id);
  }

  private async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const { serverName, fetch, isOneStream } = this.options;
    const sending = this.sending.getStore();
    const id = sending && 'id' in sending ? sending.id : undefined;
    const waiting = id === undefined ? undefined : this.waiting.get(id);
    // The stream that the SDK opens after its first notification is no part of that one.
    const late = sending && 'late' in sending && init.method === 'POST' ? sending.late : undefined;
    const signals = [init.signal, waiting?.abort.signal, late].filter((signal) => signal != null);
    if (new Headers(init.headers).get('accept') === EVENTS) await this.turnOfStream();
    const response = await fetch(url, { ...init, signal: AbortSignal.any(signals) });
    const isEvents = response.headers.get('content-type')?.startsWith(EVENTS) ?? false;
    const budget = isEvents ? new EventBudget() : new SizeBudget();
    return watched(response, {
      onChunk: (chunk) => {
        if (budget.take(chunk)) return;
        const fault = new Flooded(serverName);
        this.fail(fault);
        throw fault;
      },
      onEnd: () => {
        if (!isEvents) return;
        if (init.method === 'POST') this.expectAnswer(id, waiting);
        else if (isOneStream) this.fail(new ServerDied(serverName, 'ended the connection'));
      },
    });
  }

  private async turnOfStream(): Promise<void> {
    const waitMs = this.streamedAt + BETWEEN_STREAMS_MS - performance.now();
    this.streamedAt = Math.max(performance.now(), this.streamedAt + BETWEEN_STREAMS_MS);
    if (waitMs > 0) await sleep(waitMs, undefined, { ref: false });
  }

  /** A stream that has ended without the answer it was opened for says nothing more, unless it can be taken up again. */
  private expectAnswer(id: RequestId | undefined, waiting: Waiting | undefined): void {
    setTimeout(() => {
      if (id === undefined || !waiting || waiting.resumable || this.waiting.get(id) !== waiting) return;
      this.fail(new ServerDied(this.options.serverName, 'ended in the middle of it'));
    }, LAST_WORDS_MS).unref();
  }

  private heard(error: Error): void {
    if (isMalformed(error)) this.fail(new InvalidAnswer(this.options.serverName, error));
    else this.onerror?.(error);
  }

  private fail(fault: Error): void {
    if (this.fault || this.closed) return;
    this.fault = fault;
    void this.close();
  }

  private ended(): void {
    const tell = this.onclose;
    this.onclose = undefined;
    tell?.();
  }
}
