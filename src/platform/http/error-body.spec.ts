import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, MethodNotAllowedException, NotFoundException } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { DomainError, TooManyRequests, ValidationFailed } from '../../contracts/errors.js';
import { asDomainError, errorBody } from './error-body.js';

const AT = { correlationId: 'c', path: '/api/v1/agents' };
const answerTo = (thrown: unknown) => {
  const error = asDomainError(thrown);
  return { status: error.status, ...errorBody(error, AT) };
};

describe('What was thrown', () => {
  it.each([
    [new NotFoundException('Cannot GET /agents?key=secret'), 404, 'not_found'],
    [new BadRequestException("Failed to decode param '%FF'", { cause: new URIError() }), 404, 'not_found'],
    [new MethodNotAllowedException(), 405, 'bad_request'],
    [new HttpException('Payload Too Large', 413), 413, 'payload_too_large'],
    [Object.assign(new Error('aborted'), { status: 400, expose: true }), 400, 'bad_request'],
  ])('%s by the framework keeps its status and gets a code', (thrown, status, code) => {
    expect(answerTo(thrown)).toMatchObject({ status, code });
    expect(answerTo(thrown).message).not.toContain('secret');
  });

  it.each([
    [
      'an error of the database',
      new QueryFailedError('SELECT 1', [], Object.assign(new Error('invalid input syntax'), { code: '22P02' })),
    ],
    ['a fault of the framework', new HttpException('getaddrinfo ENOTFOUND db.internal', 500)],
    [
      'an error of a library that is not to be shown',
      Object.assign(new Error('EACCES /etc'), { status: 500, expose: false }),
    ],
    ['a text', 'a secret'],
    ['nothing', undefined],
  ])('%s tells nothing', (_what, thrown) => {
    expect(answerTo(thrown)).toEqual({
      status: 500,
      error: true,
      code: 'internal_error',
      message: 'Something went wrong on our side',
      details: {},
      timestamp: expect.any(String),
      ...AT,
    });
  });
});

describe('An error body', () => {
  it('has validationErrors with validation_error alone', () => {
    expect(answerTo(ValidationFailed.of('title', 'title is too long', 'x'))).toMatchObject({
      code: 'validation_error',
      message: 'title is too long',
      validationErrors: [{ field: 'title', message: 'title is too long', value: 'x' }],
    });
    expect(answerTo(new DomainError('idempotency_conflict', 422, 'other body'))).not.toHaveProperty('validationErrors');
  });

  it('says after how many seconds to try again', () => {
    expect(answerTo(new TooManyRequests(7))).toMatchObject({ status: 429, retryAfter: 7, details: { retryAfter: 7 } });
  });
});
