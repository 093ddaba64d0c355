import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { Request, Response } from 'express';
import { AccessDenied, Unauthenticated } from '../../contracts/errors.js';
import { RequestRates } from '../http/request-rates.js';
import { ACCESS, type AccessDeclaration, type AccessRule } from './access.decorator.js';
import type { TenantActor } from './actor.js';
import { Authenticator, type Authenticated } from './authenticator.js';
import { credentialOf } from './credential.js';
import { fillActor } from './scope.js';

/** Rate limit, then who, then may they: in this order, before the body is read. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly authenticator: Authenticator,
    private readonly rates: RequestRates,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const declared = this.reflector.getAllAndOverride<AccessDeclaration | undefined>(ACCESS, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (!declared) throw new Error('This handler declares no access');
    const request = context.switchToHttp().getRequest<Request>();
    const response = context.switchToHttp().getResponse<Response>();
    const known = declared.public ? null : await this.identify(request);
    await this.rates.consume(request, response, known, declared.public ? declared.rate : 'default');
    if (declared.public) return true;
    if (!known) throw new Unauthenticated();
    assertAllowed(known.actor, declared.rule);
    fillActor(known.actor);
    return true;
  }

  private async identify(request: Request): Promise<Authenticated | null> {
    const credential = credentialOf(request.headers);
    return credential === null ? null : this.authenticator.authenticate(credential);
  }
}

/** @throws AccessDenied naming what is missing. */
export function assertAllowed(actor: TenantActor, rule: AccessRule): void {
  if (rule.apiKeys === false && actor.kind === 'apiKey') {
    throw new AccessDenied('An API key can not do this, sign in instead');
  }
  if (rule.superadmin && !actor.superadmin) {
    throw new AccessDenied('Only a superadmin can do this', { details: { permission: 'superadmin' } });
  }
  if (rule.can && !actor.permissions.has(rule.can)) {
    throw new AccessDenied(`The permission ${rule.can} is missing`, { details: { permission: rule.can } });
  }
}
