import { STATUS_CODES } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';
import { REPLAY_EXTENSION } from './idempotency.js';
import { CONTENT_OF_ERRORS, ERROR_SCHEMA, HEADERS, PARAMETERS, reference, REFUSALS } from './openapi-components.js';
import { describeForms } from './openapi-forms.js';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']> & Record<string, unknown>;
type Responses = Operation['responses'];

const METHODS = ['get', 'put', 'post', 'delete', 'patch'] as const;
const WITH_BODY = new Set<string>(['put', 'post', 'patch']);

/** Adds to each operation what all of its kind have in common: refusals, headers, the parameters of the platform. */
export function completeDocument(document: OpenAPIObject): OpenAPIObject {
  describeForms(document);
  const tags = new Set<string>();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = item[method] as Operation | undefined;
      if (!operation) continue;
      complete(operation, path, method);
      for (const tag of operation.tags ?? []) tags.add(tag);
    }
  }
  const { components } = document;
  return {
    ...document,
    tags: [...tags].sort().map((name) => ({ name })),
    components: {
      ...components,
      schemas: { ...components?.schemas, Error: ERROR_SCHEMA },
      responses: { ...components?.responses, ...REFUSALS },
      headers: { ...components?.headers, ...HEADERS },
      parameters: { ...components?.parameters, ...PARAMETERS },
    },
  };
}

function complete(operation: Operation, path: string, method: string): void {
  const isReplayed = operation[REPLAY_EXTENSION] === true;
  Reflect.deleteProperty(operation, REPLAY_EXTENSION);
  const statuses = [...refusals(operation, path, method), ...(isReplayed ? ['404', '409'] : [])];
  const missing = statuses.filter((status) => !(status in operation.responses));
  operation.responses = {
    ...describeOwn(operation.responses, path.startsWith('/api/')),
    ...Object.fromEntries(missing.map((status) => [status, reference('responses', `Error${status}`)])),
  };
  operation.summary ??= (operation.operationId ?? path).replace('_', ': ');
  // Said in so many words, since absent would mean that nobody thought of it.
  operation.security ??= [];
  operation.parameters = [
    ...(operation.parameters ?? []),
    reference('parameters', 'CorrelationId'),
    ...(isReplayed ? [reference('parameters', 'IdempotencyKey')] : []),
  ];
}

/** The statuses by which the platform itself may refuse a request to this operation. */
function refusals(operation: Operation, path: string, method: string): string[] {
  const statuses = ['422', '500'];
  const parameters = (operation.parameters ?? []) as { name?: string }[];
  if (!/^\/(health|metrics)/.test(path)) statuses.push('429', '503');
  if (operation.security?.length) statuses.push('401', '403');
  if (WITH_BODY.has(method)) statuses.push('400', '413', '415');
  else if (parameters.some(({ name }) => name === 'cursor' || name === 'Last-Event-ID')) statuses.push('400');
  if (path.includes('{')) statuses.push('404');
  return statuses;
}

function describeOwn(responses: Responses, isLimited: boolean): Responses {
  const described: Responses = {};
  for (const [status, response] of Object.entries(responses)) {
    if (!response || '$ref' in response) continue;
    const content = Number(status) >= 400 ? CONTENT_OF_ERRORS : undefined;
    const headers = { ...response.headers, ...headersOf(isLimited) };
    const description = response.description === '' ? (STATUS_CODES[status] ?? status) : response.description;
    described[status] = { ...response, description, content: response.content ?? content, headers };
  }
  return described;
}

function headersOf(isLimited: boolean): Record<string, ReturnType<typeof reference>> {
  const names = isLimited ? Object.keys(HEADERS) : ['X-Correlation-Id'];
  return Object.fromEntries(names.map((name) => [name, reference('headers', name)]));
}
