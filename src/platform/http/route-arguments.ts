import type { ExecutionContext, Type } from '@nestjs/common';
import { RESPONSE_PASSTHROUGH_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { PathId } from './id.decorator.js';

/** What the parameters of a handler say about the requests it takes. */
export interface RouteArguments {
  readonly takesBody: boolean;
  /** Names of the query parameters it takes one by one; `all` when a DTO takes the whole query. */
  readonly query: 'all' | ReadonlySet<string>;
  /** Path parameters that must be UUIDs. */
  readonly ids: readonly string[];
  /** The handler writes the response, Nest sends nothing. */
  readonly sendsItself: boolean;
}

interface Argument {
  data?: unknown;
  pipes?: unknown[];
}

const known = new WeakMap<object, Map<string, RouteArguments>>();

export function routeArguments(context: ExecutionContext): RouteArguments {
  const controller = context.getClass();
  const { name } = context.getHandler();
  const ofController = known.get(controller) ?? new Map<string, RouteArguments>();
  known.set(controller, ofController);
  const found = ofController.get(name) ?? read(controller, name);
  ofController.set(name, found);
  return found;
}

function read(controller: Type, handler: string): RouteArguments {
  const metadata = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, handler) ?? {}) as Record<string, Argument>;
  const ofKind = (kind: RouteParamtypes) =>
    Object.entries(metadata).flatMap(([key, argument]) => (key.startsWith(`${kind}:`) ? [argument] : []));
  const queries = ofKind(RouteParamtypes.QUERY).map(({ data }) => data);
  const passesThrough = Reflect.getMetadata(RESPONSE_PASSTHROUGH_METADATA, controller, handler) === true;
  return {
    takesBody: ofKind(RouteParamtypes.BODY).length > 0,
    query: queries.includes(undefined) ? 'all' : new Set(queries.filter((name) => typeof name === 'string')),
    ids: ofKind(RouteParamtypes.PARAM).flatMap(({ data, pipes }) =>
      typeof data === 'string' && pipes?.includes(PathId) ? [data] : [],
    ),
    sendsItself: ofKind(RouteParamtypes.RESPONSE).length > 0 && !passesThrough,
  };
}
