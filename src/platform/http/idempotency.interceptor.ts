import { Injectable, Logger, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ModuleRef, Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { Conflict, DomainError, ValidationFailed } from '../../contracts/errors.js';
import { currentScope, type Scope } from '../access/scope.js';
import { Db } from '../database/db.js';
import { openTransaction, type Transaction } from '../database/transaction.js';
import { isUuid } from './id.decorator.js';
import { IdempotencyRepository, type HeldKey } from './idempotency.repository.js';
import { REPLAY, type ReplayRule } from './idempotency.js';
import { fingerprint } from './request-fingerprint.js';
import { routeArguments } from './route-arguments.js';

const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/;
const RENEW_MS = 3_000;

type ActiveRule = Exclude<ReplayRule, { rebuild: false }>;

/** Carries out a POST with an `Idempotency-Key` once, and answers its repetitions from what came of it. */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  private readonly logger = new Logger(IdempotencyInterceptor.name);

  constructor(
    private readonly reflector: Reflector,
    private readonly moduleRef: ModuleRef,
    private readonly keys: IdempotencyRepository,
    private readonly db: Db,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const rule = this.ruleOf(context);
    if (!rule) return next.handle();
    const request = context.switchToHttp().getRequest<Request>();
    const given = request.get('idempotency-key');
    const scope = currentScope();
    if (given === undefined || !scope.actor || scope.actor.kind === 'system') return next.handle();
    if (!VISIBLE_ASCII.test(given)) {
      throw ValidationFailed.of('Idempotency-Key', 'Idempotency-Key must be 1 to 255 visible ASCII characters');
    }
    const path = request.originalUrl.split('?', 1)[0];
    const scopeHash = fingerprint([scope.actor.userId, request.method, path, given]);
    const claim = await this.keys.claim(scopeHash, fingerprint([request.query, request.body ?? null]));
    switch (claim.kind) {
      case 'claimed':
        return from(this.carryOut(context, rule, scope, claim.key, next));
      case 'done':
        return from(this.replay(context, rule, claim.resourceId ?? '', claim.status));
      case 'busy':
        throw new Conflict('A request with this Idempotency-Key is still being carried out', { retryAfter: 1 });
      case 'taken':
        throw new DomainError('idempotency_conflict', 422, 'This Idempotency-Key was used with another body');
    }
  }

  private ruleOf(context: ExecutionContext): ActiveRule | null {
    if (context.getType() !== 'http') return null;
    const rule = this.reflector.get<ReplayRule | undefined>(REPLAY, context.getHandler());
    return rule && rule.rebuild !== false ? rule : null;
  }

  private async carryOut(
    context: ExecutionContext,
    rule: ActiveRule,
    scope: Scope,
    key: HeldKey,
    next: CallHandler,
  ): Promise<unknown> {
    scope.bindIdempotency = this.binding(key, rule);
    const renewal = setInterval(() => void this.quietly(this.keys.renew(key)), RENEW_MS);
    try {
      const body: unknown = await lastValueFrom<unknown, undefined>(next.handle(), { defaultValue: undefined });
      const { statusCode } = context.switchToHttp().getResponse<Response>();
      if (statusCode < 400) await this.quietly(this.keys.finish(key, statusCode, resourceOf(context, rule, body)));
      else await this.quietly(this.keys.release(key));
      return body;
    } catch (error) {
      await this.quietly(this.keys.release(key));
      throw error;
    } finally {
      clearInterval(renewal);
      scope.bindIdempotency = null;
    }
  }

  /** The first resource that is changed in a transaction which commits is the one that counts. */
  private binding(key: HeldKey, { of }: ActiveRule): (resourceId: string, resourceType?: string) => Promise<void> {
    let boundIn: Transaction | null = null;
    let isBound = false;
    return async (resourceId, resourceType) => {
      if (of !== undefined && resourceType !== of) return;
      const transaction = openTransaction();
      if (isBound || (transaction !== null && transaction === boundIn)) return;
      if (!(await this.keys.bind(key, resourceId))) {
        throw new Conflict('Another request with this Idempotency-Key has taken over');
      }
      boundIn = transaction;
      this.db.afterCommit(() => (isBound = true));
    };
  }

  private async replay(
    context: ExecutionContext,
    rule: ActiveRule,
    resourceId: string,
    status: number | null,
  ): Promise<unknown> {
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const controller: unknown = this.moduleRef.get(context.getClass(), { strict: false });
    response.status(status ?? rule.status ?? response.statusCode);
    response.setHeader('Idempotent-Replayed', 'true');
    const body = await rule.rebuild(controller, resourceId, request, response);
    if (routeArguments(context).sendsItself && !response.headersSent) response.json(body);
    return body;
  }

  /** What was carried out is answered, whether or not the key could be written; a lost lease ends by itself. */
  private async quietly(write: Promise<unknown>): Promise<void> {
    try {
      await write;
    } catch (error) {
      this.logger.warn(error);
    }
  }
}

function resourceOf(context: ExecutionContext, rule: ActiveRule, body: unknown): string | null {
  const { params } = context.switchToHttp().getRequest<Request>();
  const named = rule.ref?.(body as never) ?? (body as { id?: unknown } | null | undefined)?.id;
  return [named, ...Object.values(params)].find(isUuid) ?? null;
}
