import { Injectable, Logger } from '@nestjs/common';
import { v5 } from 'uuid';
import { DomainError } from '../../contracts/errors.js';
import { Sealing } from '../../platform/crypto/sealing.js';
import { GuardedFetch } from '../../platform/egress/guarded-fetch.js';
import { Breakers } from '../../platform/resilience/breakers.js';
import { signedHeaders } from '../../platform/webhooks/standard-webhooks.js';
import { BadHookReply, hookReply, type HookReply } from './hook-reply.js';
import type { ActiveHook } from './hooks.repository.js';

/** Less than a consumer of events may take. */
const LONGEST_TELLING_MS = 25_000;
const LONGEST_REPLY_BYTES = 1024 * 1024;

/** Where a hook's secret is sealed for. */
export function placeOfSecret({ tenantId, id }: Pick<ActiveHook, 'tenantId' | 'id'>): string {
  return `${tenantId}:hook:${id}`;
}

/** Asks or tells one hook. */
@Injectable()
export class HookCaller {
  private readonly logger = new Logger('Hooks');

  constructor(
    private readonly guarded: GuardedFetch,
    private readonly sealing: Sealing,
    private readonly breakers: Breakers,
  ) {}

  /**
   * What it says, or what `onError` says for it; only an abort of `signal` throws. `about` is the id of the call or run:
   * whoever goes on with that after a crash asks again, by the same message id.
   */
  async ask(hook: ActiveHook, about: string, message: object, signal?: AbortSignal): Promise<HookReply> {
    try {
      const id = v5(`${hook.event}:${about}`, hook.id);
      const { status, text } = await this.send(hook, message, { id, timeoutMs: hook.timeoutMs, signal });
      return hookReply(hook.event, status, text);
    } catch (error) {
      signal?.throwIfAborted();
      this.logger.warn({ err: error, hookId: hook.id, tenantId: hook.tenantId }, 'A hook did not answer as it should');
      if (hook.onError === 'allow') return { decision: 'go' };
      return { decision: 'deny', reason: `A hook (${hook.id}) could not be asked: ${reasonOf(error)}` };
    }
  }

  /**
   * What it says does not matter, as long as it takes it. `id` is the same on every try.
   * @throws what went wrong, whatever its `onError` says: it is told again
   */
  async tell(hook: ActiveHook, message: object, id: string): Promise<void> {
    const breaker = this.breakers.get(`hook:${hook.id}`).begin();
    try {
      const { status } = await this.send(hook, message, {
        id,
        timeoutMs: Math.min(hook.timeoutMs, LONGEST_TELLING_MS),
      });
      if (status < 200 || status > 299) throw new BadHookReply(`it answered with status ${status}`);
      breaker.succeeded();
    } catch (error) {
      breaker.failed();
      throw error;
    }
  }

  private async send(
    hook: ActiveHook,
    message: object,
    { id, timeoutMs, signal }: { id: string; timeoutMs: number; signal?: AbortSignal | undefined },
  ): Promise<{ status: number; text: string }> {
    const body = JSON.stringify({ event: hook.event, ...message });
    const timeout = AbortSignal.timeout(timeoutMs);
    const secret = this.sealing.open(hook.sealedSecret, placeOfSecret(hook));
    const fetch = this.guarded.with({ headersTimeoutMs: null, maxBytes: LONGEST_REPLY_BYTES, serviceName: 'hook' });
    const response = await fetch(hook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...signedHeaders(secret, id, body) },
      body,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return { status: response.status, text: await response.text() };
  }
}

/** For the model and for people: what went wrong, and nothing of the way there. */
function reasonOf(error: unknown): string {
  if (error instanceof BadHookReply) return error.message;
  if (error instanceof DomainError) return 'the request failed';
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'TimeoutError' ? 'it took too long' : 'it failed';
}
