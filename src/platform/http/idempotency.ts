import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiExtension } from '@nestjs/swagger';
import type { Request, Response } from 'express';

export const REPLAY = Symbol('replay');
/** Marks the operation for the OpenAPI document, which takes it out again. */
export const REPLAY_EXTENSION = 'x-replay';

/**
 * Makes the body of an earlier answer again, from the resource as it is now and with the rights of who asks now. One
 * that is gone throws NotFound. `resourceId` is empty when the first request touched nothing that has an id.
 * A callback that writes the response itself returns undefined after ending it; the status is set already.
 */
type Rebuild<Controller> = (
  controller: Controller,
  resourceId: string,
  request: Request,
  response: Response,
) => unknown;

interface ReplayOptions {
  /** The status when the first answer was never sent; absent: the route's own. */
  status?: number;
  /** The type of the resource that counts, where one request changes several; absent: the first that is changed. */
  of?: string;
  /** Which resource an answer is about, when no event named one; absent: its `id`, else the id in the path. */
  ref?: (body: never) => string;
}

export type ReplayRule = { rebuild: false } | ({ rebuild: Rebuild<unknown> } & ReplayOptions);

/**
 * How a POST answers when it is sent again with the same `Idempotency-Key`. `false` for routes that ignore the key:
 * those that return credentials, and those that change nothing. Every POST says one or the other.
 */
export function Replay<Controller = unknown>(
  rebuild: Rebuild<Controller> | false,
  options: ReplayOptions = {},
): MethodDecorator {
  if (rebuild === false) return SetMetadata(REPLAY, { rebuild } satisfies ReplayRule);
  const rule: ReplayRule = { rebuild: rebuild as Rebuild<unknown>, ...options };
  return applyDecorators(SetMetadata(REPLAY, rule), ApiExtension(REPLAY_EXTENSION, true));
}
