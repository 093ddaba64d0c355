import type { DynamicModule } from '@nestjs/common';
import { LoggerModule, type Params } from 'nestjs-pino';
import pino from 'pino';
import { scopeIfAny } from '../access/scope.js';
import { Settings } from '../config/settings.js';
import { maskText, redact } from './redaction.js';

/** JSON lines that name the request and the caller they belong to and hold no secret. */
export function loggingOptions(level: Settings['log']['level']): pino.LoggerOptions {
  return {
    level,
    timestamp: pino.stdTimeFunctions.isoTime,
    mixin: () => caller(),
    formatters: {
      level: (label) => ({ level: label }),
      log: (line) => redact(line) as Record<string, unknown>,
    },
    // Errors are described by `redact`; the default serializer would copy every property they have.
    serializers: { err: (described: unknown) => described },
    hooks: {
      logMethod(parts, method) {
        const masked = parts.map((part: unknown) => (typeof part === 'string' ? maskText(part) : part));
        // Without a text of its own the line would get the error's, unmasked.
        masked[1] ??= messageOfError(parts[0]);
        method.apply(this, masked as typeof parts);
      },
    },
  };
}

function messageOfError(line: unknown): string | undefined {
  const { err } = (line ?? {}) as { err?: unknown };
  const error = line instanceof Error ? line : err;
  return error instanceof Error ? maskText(error.message) : undefined;
}

/** Request, tenant and user of the scope that is open, if any. */
function caller(): object {
  const scope = scopeIfAny();
  if (!scope) return {};
  const { correlationId, actor } = scope;
  if (!actor || actor.kind === 'system') return { correlationId };
  return { correlationId, tenantId: actor.tenantId, userId: actor.userId };
}

/** Provides `Logger` of nestjs-pino, for `app.useLogger`, and `PinoLogger`. */
export function loggingModule(): DynamicModule {
  return LoggerModule.forRootAsync({
    inject: [Settings],
    useFactory: (settings: Settings): Params => ({
      pinoHttp: { ...loggingOptions(settings.log.level), wrapSerializers: false },
      // The request line is RequestLog's: it knows the route and the caller, and shows no query values.
      forRoutes: [],
    }),
  });
}
