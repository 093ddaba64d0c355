import { RequestMethod, type INestApplication, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { ACCESS, type AccessDeclaration } from '../src/platform/access/access.decorator.js';
import { REPLAY } from '../src/platform/http/idempotency.js';

/** An HTTP handler and what it declares. */
export interface Handler {
  /** As in the OpenAPI document. */
  operationId: string;
  method: string;
  access: AccessDeclaration | undefined;
  replay: unknown;
}

/** Of all modules. */
export function declaredHandlers(app: INestApplication): Handler[] {
  const modules = [...app.get(ModulesContainer).values()];
  const controllers = modules.flatMap((module) =>
    [...module.controllers.values()].map(({ metatype }) => metatype as Type),
  );
  return controllers.flatMap(handlersOf);
}

function handlersOf(controller: Type): Handler[] {
  const ofClass = Reflect.getMetadata(ACCESS, controller) as AccessDeclaration | undefined;
  return methodsOf(controller).flatMap(([name, method]) => {
    if (!Reflect.hasMetadata(PATH_METADATA, method)) return [];
    const verb = RequestMethod[Reflect.getMetadata(METHOD_METADATA, method) as RequestMethod];
    const access = (Reflect.getMetadata(ACCESS, method) as AccessDeclaration | undefined) ?? ofClass;
    const resource = controller.name.replace(/Controller$/, '');
    const operationId = `${resource.charAt(0).toLowerCase()}${resource.slice(1)}_${name}`;
    return [{ operationId, method: verb, access, replay: Reflect.getMetadata(REPLAY, method) as unknown }];
  });
}

/** Also those that a class inherits. */
export function methodsOf(type: Type): [string, object][] {
  const methods: [string, object][] = [];
  for (let at = type.prototype as object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (name !== 'constructor' && typeof value === 'function') methods.push([name, value as object]);
    }
  }
  return methods;
}
