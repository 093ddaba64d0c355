import { STATUS_CODES } from 'node:http';
import type { OpenAPIObject } from '@nestjs/swagger';

type Components = NonNullable<OpenAPIObject['components']>;

export function reference(kind: keyof Components, name: string): { $ref: string } {
  return { $ref: `#/components/${kind}/${name}` };
}

export const ERROR_SCHEMA: NonNullable<Components['schemas']>[string] = {
  type: 'object',
  required: ['error', 'code', 'message', 'details', 'correlationId', 'timestamp', 'path'],
  properties: {
    error: { type: 'boolean', enum: [true] },
    code: { type: 'string', description: 'Stable; what a client may branch on', example: 'validation_error' },
    message: { type: 'string' },
    details: { type: 'object', additionalProperties: true },
    validationErrors: {
      type: 'array',
      description: 'With `validation_error` only',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', example: 'resourceLimits.maxTurns' },
          message: { type: 'string' },
          value: { description: 'What was sent; left out for secrets' },
        },
      },
    },
    retryAfter: { type: 'integer', description: 'Seconds after which trying again may help' },
    correlationId: { type: 'string' },
    timestamp: { type: 'string', format: 'date-time' },
    path: { type: 'string' },
  },
};

export const CONTENT_OF_ERRORS = { 'application/json': { schema: reference('schemas', 'Error') } };

const seconds = { type: 'integer', minimum: 0 };

export const HEADERS: NonNullable<Components['headers']> = {
  'X-Correlation-Id': { description: 'Of the request, or made for it', schema: { type: 'string' } },
  'RateLimit-Limit': { description: 'Requests per minute', schema: { type: 'integer' } },
  'RateLimit-Remaining': { description: 'Requests left in this minute', schema: { type: 'integer' } },
  'RateLimit-Reset': { description: 'Seconds until the count starts anew', schema: seconds },
};

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds', schema: seconds } };

const MEANINGS: Record<number, string> = {
  400: 'Malformed JSON or a cursor that is not valid',
  401: 'No credential, or one that is not valid any more',
  403: 'The caller lacks the permission; `details.permission` names it',
  404: 'There is no such resource for the caller',
  409: 'The state of the resource does not allow it, or the same request is being carried out',
  413: 'The body is too large',
  415: 'The body is not JSON in UTF-8',
  422: 'Unknown, missing or wrong fields or parameters',
  429: 'Over a rate or a quota',
  500: 'An error on our side',
  503: 'Something this depends on is away',
};

export const REFUSALS: NonNullable<Components['responses']> = Object.fromEntries(
  Object.entries(MEANINGS).map(([status, meaning]) => [
    `Error${status}`,
    {
      description: `${STATUS_CODES[status] ?? status}: ${meaning}`,
      headers: {
        'X-Correlation-Id': reference('headers', 'X-Correlation-Id'),
        ...(['429', '503'].includes(status) ? RETRY_AFTER : {}),
      },
      content: CONTENT_OF_ERRORS,
    },
  ]),
);

export const PARAMETERS: NonNullable<Components['parameters']> = {
  CorrelationId: {
    name: 'X-Correlation-Id',
    in: 'header',
    required: false,
    description: 'Stands in every log line, error, event and job of this request',
    schema: { type: 'string', pattern: '^[\\w.-]{1,128}$' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'The same request with the same key is carried out once, and answered alike for 24 hours',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
};
