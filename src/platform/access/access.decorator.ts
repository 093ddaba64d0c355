import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiBearerAuth, ApiExtension, ApiSecurity } from '@nestjs/swagger';
import type { Permission } from '../../contracts/permissions.js';

export type RateClass = 'default' | 'login';

export interface AccessRule {
  /** The permission the caller's role must give; without it any signed-in member will do. */
  can?: Permission;
  /** False: an API key gets 403, whatever its scopes. */
  apiKeys?: false;
  /** Only users with the superadmin flag. */
  superadmin?: true;
  rate?: RateClass;
}

export type AccessDeclaration = { public: false; rule: AccessRule } | { public: true; why: string; rate: RateClass };

export const ACCESS = Symbol('access');

/** Who may call this handler. Every handler has this or `@Public`; a test fails on one with neither. */
export function Access(rule: AccessRule): MethodDecorator & ClassDecorator {
  return applyDecorators(
    SetMetadata(ACCESS, { public: false, rule } satisfies AccessDeclaration),
    ApiBearerAuth(),
    ApiSecurity('apiKey'),
    ...(rule.can ? [ApiExtension('x-permission', rule.can)] : []),
  );
}

/** Open to everybody, for the reason given. */
export function Public(why: string, options: { rate?: RateClass } = {}): MethodDecorator & ClassDecorator {
  return SetMetadata(ACCESS, { public: true, why, rate: options.rate ?? 'default' } satisfies AccessDeclaration);
}
