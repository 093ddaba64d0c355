import type { DynamicModule, LoggerService } from '@nestjs/common';
import { Logger, LoggerModule, PinoLogger, type Params } from 'nestjs-pino';
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

function loggingParams(settings: Settings): Params {
  return {
    pinoHttp: { ...loggingOptions(settings.log.level), wrapSerializers: false },
    // The request line is RequestLog's: it knows the route and the caller, and shows no query values.
    forRoutes: [],
  };
}

/** Where Nest tells of each module and route that it found, and of a failed start, of which the program tells itself. */
const OF_NEST = new Set<unknown>(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'ExceptionHandler']);

class ApplicationLogger extends Logger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (OF_NEST.has(rest.at(-1))) super.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    if (OF_NEST.has(rest.at(-1))) super.debug(message, ...rest);
    else super.error(message, ...rest);
  }
}

/** For Nest and all its `Logger`s, from the first line on: a migration that takes long is to be seen. */
export function applicationLogger(settings: Settings): LoggerService {
  const params = loggingParams(settings);
  return new ApplicationLogger(new PinoLogger(params), params);
}

/** Provides `PinoLogger`. */
export function loggingModule(): DynamicModule {
  return LoggerModule.forRootAsync({ inject: [Settings], useFactory: loggingParams });
}
