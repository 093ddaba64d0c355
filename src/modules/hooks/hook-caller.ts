import { Injectable, Logger } from '@nestjs/common';
import { v7 } from 'uuid';
import { DomainError } from '../../contracts/errors.js';
import { Sealing } from '../../platform/crypto/sealing.js';
import { GuardedFetch } from '../../platform/egress/guarded-fetch.js';
import { signedHeaders } from '../../platform/webhooks/standard-webhooks.js';
import { BadHookReply, hookReply, type HookReply } from './hook-reply.js';
import type { ActiveHook } from './hooks.repository.js';

const LONGEST_REPLY_BYTES = 1024 * 1024;

/** Where a hook's secret is sealed for. */
export function placeOfSecret({ tenantId, id }: Pick<ActiveHook, 'tenantId' | 'id'>): string {
  return `${tenantId}:hook:${id}`;
}

/** Asks one hook. */
@Injectable()
export class HookCaller {
  private readonly logger = new Logger('Hooks');

  constructor(
    private readonly guarded: GuardedFetch,
    private readonly sealing: Sealing,
  ) {}

  /** What it says, or what `onError` says for it; only an abort of `signal` throws. */
  async ask(hook: ActiveHook, message: object, signal?: AbortSignal): Promise<HookReply> {
    try {
      return await this.send(hook, JSON.stringify({ event: hook.event, ...message }), signal);
    } catch (error) {
      signal?.throwIfAborted();
      this.logger.warn({ err: error, hookId: hook.id, tenantId: hook.tenantId }, 'A hook did not answer as it should');
      if (hook.onError === 'allow') return { decision: 'go' };
      return { decision: 'deny', reason: `A hook (${hook.id}) could not be asked: ${reasonOf(error)}` };
    }
  }

  private async send(hook: ActiveHook, body: string, signal: AbortSignal | undefined): Promise<HookReply> {
    const timeout = AbortSignal.timeout(hook.timeoutMs);
    const secret = this.sealing.open(hook.sealedSecret, placeOfSecret(hook));
    const fetch = this.guarded.with({ headersTimeoutMs: null, maxBytes: LONGEST_REPLY_BYTES, serviceName: 'hook' });
    const response = await fetch(hook.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...signedHeaders(secret, v7(), body) },
      body,
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    return hookReply(hook.event, response.status, await response.text());
  }
}

/** For the model and for people: what went wrong, and nothing of the way there. */
function reasonOf(error: unknown): string {
  if (error instanceof BadHookReply) return error.message;
  if (error instanceof DomainError) return 'the request failed';
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'TimeoutError' ? 'it took too long' : 'it failed';
}
