import { ApiOkResponse } from '@nestjs/swagger';

/** For the OpenAPI document: this handler answers, or can answer, with a stream of server-sent events. */
export function AnswersEvents(): MethodDecorator {
  return ApiOkResponse({
    description: 'Server-sent events: `id` is the `seq`, `event` the `type`, `data` the whole envelope as JSON',
    content: { 'text/event-stream': { schema: { type: 'string' } } },
  });
}
