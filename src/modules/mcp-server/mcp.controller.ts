import { All, Body, Controller, Post, Req, Res, UseFilters, UseGuards } from '@nestjs/common';
import { ApiBody, ApiExcludeEndpoint, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { DomainError } from '../../contracts/errors.js';
import { Access, Public } from '../../platform/access/access.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { RequestRates } from '../../platform/http/request-rates.js';
import { McpErrorFilter } from './mcp-error.filter.js';
import { answerMcp, transportOnce } from './mcp-transport.js';
import { OurMcpServer } from './our-mcp-server.service.js';
import { SourceGuard } from './source.guard.js';

const MESSAGE = { type: 'object', additionalProperties: true };

@ApiTags('Mcp')
@Controller('mcp')
@UseGuards(SourceGuard)
@UseFilters(McpErrorFilter)
export class McpController {
  constructor(
    private readonly ours: OurMcpServer,
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
    await answerMcp(request, response, (_request, _response, messages) =>
      transportOnce(this.ours.make(), response, messages),
    );
  }

  /** There are no streams beside those of answers, and no sessions to end. */
  @All()
  @Public('nothing is told but that it is not there')
  @ApiExcludeEndpoint()
  refuse(@Res({ passthrough: true }) response: Response): never {
    response.setHeader('Allow', 'POST');
    throw new DomainError('bad_request', 405, 'Only POST is answered here');
  }
}
