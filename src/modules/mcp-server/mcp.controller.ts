import { All, Body, Controller, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiBody, ApiExcludeEndpoint, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DomainError } from '../../contracts/errors.js';
import { Access, Public } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { RequestRates } from '../../platform/http/request-rates.js';
import { McpErrorFilter } from './mcp-error.filter.js';
import { Offers } from './offers.service.js';
import type { Serve } from './serve.js';
import { SourceGuard } from './source.guard.js';

const MESSAGE = { type: 'object', additionalProperties: true };

@ApiTags('Mcp')
@Controller('mcp')
@UseGuards(SourceGuard)
@UseFilters(McpErrorFilter)
export class McpController {
  private serve: Promise<Serve> | undefined;

  constructor(
    private readonly offers: Offers,
    private readonly rates: RequestRates,
  ) {}

  @Post()
  @Access({})
  @Replay(false)
  @ApiOperation({
    summary: 'Our MCP server: Streamable HTTP without sessions',
    description:
      'Takes messages of JSON-RPC as the Model Context Protocol says. Refusals are JSON-RPC errors whose `data` is what ' +
      'the REST API would answer. Any other method gets 405.',
  })
  @ApiBody({ schema: MESSAGE })
  @ApiResponse({
    status: 200,
    description: 'The answer, in one piece or, when it was asked to tell of progress, as a stream',
    content: { 'application/json': { schema: MESSAGE }, 'text/event-stream': { schema: { type: 'string' } } },
  })
  @ApiResponse({ status: 202, description: 'Messages that have no answer' })
  async answer(@Req() request: Request, @Res() response: Response, @Body() body: unknown): Promise<void> {
    // Each message of a batch counts like a request.
    await this.rates.consumeMore(request, response, Array.isArray(body) ? body.length - 1 : 0);
    // The SDK takes a while to load, which no start should wait for.
    this.serve ??= import('./serve.js').then(({ serveMcp }) => serveMcp(this.offers));
    await (
      await this.serve
    )(request, response);
  }

  /** There are no streams beside those of answers, and no sessions to end. */
  @All()
  @Public('nothing is told but that it is not there')
  @ApiExcludeEndpoint()
  refuse(@Res({ passthrough: true }) response: Response, @Body() _body: unknown): never {
    response.setHeader('Allow', 'POST');
    throw new DomainError('bad_request', 405, 'Only POST is answered here');
  }
}
