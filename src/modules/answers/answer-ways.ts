import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import { DomainError } from '../../contracts/errors.js';
import { currentScope } from '../../platform/access/scope.js';
import { asDomainError, errorBody } from '../../platform/http/error-body.js';
import { LiveLimits } from '../../platform/live/live-limits.js';
import { PlainSse } from '../../platform/live/plain-sse.js';
import { AnswersService } from './answers.service.js';
import { shownAnswer, type AnswerDto, type AskDto } from './answers.dto.js';
import { QueriesService } from './queries.service.js';

const LEFT = 'Nobody waited for the answer any more';

/** An answer in one piece or as a stream. */
@Injectable()
export class AnswerWays {
  constructor(
    private readonly answers: AnswersService,
    private readonly queries: QueriesService,
    private readonly limits: LiveLimits,
  ) {}

  /** Undefined when it was streamed. Who leaves ends the work on it. */
  async answer(dto: AskDto, request: Request, response: Response): Promise<AnswerDto | undefined> {
    const left = new AbortController();
    response.once('close', () => left.abort(new DomainError('bad_request', 400, LEFT)));
    const asked = await this.answers.prepare(dto, left.signal);
    if (!dto.stream) return shownAnswer(await this.answers.answer(asked, { signal: left.signal }));
    const stream = new PlainSse(response, this.limits.pingMs);
    try {
      const query = await this.answers.answer(asked, {
        signal: left.signal,
        onText: (text) => stream.send('answer.delta', { text }),
        onDiscarded: (reason) => stream.send('answer.discarded', { reason }),
      });
      stream.send('query.completed', shownAnswer(query));
    } catch (error) {
      // Until something was sent, it can be answered as any other.
      if (!stream.hasBegun) throw error;
      const at = { correlationId: currentScope().correlationId, path: request.path };
      stream.send('query.failed', { error: errorBody(asDomainError(error), at) });
      // Logged as any other, and its Idempotency-Key is free again.
      throw error;
    } finally {
      stream.end();
    }
    return undefined;
  }

  /** One that was given before. */
  async again(
    id: string,
    { body }: Request<object, object, AskDto>,
    response: Response,
  ): Promise<AnswerDto | undefined> {
    const query = await this.queries.require(id);
    if (!body.stream) return shownAnswer(query);
    const stream = new PlainSse(response, this.limits.pingMs);
    stream.send('answer.delta', { text: query.answer });
    stream.send('query.completed', shownAnswer(query));
    stream.end();
    return undefined;
  }
}
