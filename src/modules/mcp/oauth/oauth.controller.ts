import { Body, Controller, Delete, Get, Headers, HttpCode, Post, Put, Query, Res } from '@nestjs/common';
import {
  ApiBadGatewayResponse,
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiForbiddenResponse,
  ApiGatewayTimeoutResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiProduces,
  ApiQuery,
} from '@nestjs/swagger';
import type { Response } from 'express';
import { Access, Public } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { McpServers } from '../mcp-servers.service.js';
import { answerOf } from './callback-answer.js';
import { showOutcome } from './callback-page.js';
import { ClientIdentities } from './client-identities.js';
import { GivenClients } from './given-clients.service.js';
import { OAuthConnections } from './oauth-connections.service.js';
import {
  ClientMetadataDto,
  GiveOAuthClientDto,
  OAuthClientDto,
  OAuthConnectedDto,
  OAuthStartDto,
  OAuthStateDto,
} from './oauth.dto.js';

@Controller('mcp')
@PathResource(McpServers, 'require')
export class McpOAuthController {
  constructor(
    private readonly connections: OAuthConnections,
    private readonly given: GivenClients,
    private readonly identities: ClientIdentities,
  ) {}

  @Get('servers/:id/oauth')
  @Access({ can: 'mcp:read' })
  get(@Id() id: string): Promise<OAuthStateDto> {
    return this.connections.get(id);
  }

  @Post('servers/:id/oauth/start')
  @HttpCode(200)
  @ApiConflictResponse()
  @ApiBadGatewayResponse()
  @ApiGatewayTimeoutResponse()
  @Access({ can: 'mcp:execute' })
  @Replay(false)
  start(@Id() id: string): Promise<OAuthStartDto> {
    return this.connections.start(id);
  }

  @Delete('servers/:id/oauth')
  @ApiConflictResponse()
  @HttpCode(204)
  @Access({ can: 'mcp:execute' })
  disconnect(@Id() id: string): Promise<void> {
    return this.connections.disconnect(id);
  }

  @Put('servers/:id/oauth/client')
  @ApiConflictResponse()
  @ApiBadGatewayResponse()
  @ApiGatewayTimeoutResponse()
  @Access({ can: 'mcp:update' })
  giveClient(@Id() id: string, @Body() dto: GiveOAuthClientDto): Promise<OAuthClientDto> {
    return this.given.give(id, dto);
  }

  @Delete('servers/:id/oauth/client')
  @HttpCode(204)
  @Access({ can: 'mcp:update' })
  takeClientBack(@Id() id: string): Promise<void> {
    return this.given.takeBack(id);
  }

  /** What authorization servers add of their own is taken, and left alone. A small page where HTML is accepted. */
  @Get('oauth/callback')
  @Public('the browser comes back with nothing but the state, which is the credential')
  @ApiQuery({ name: 'state', required: false, type: String })
  @ApiQuery({ name: 'code', required: false, type: String })
  @ApiQuery({ name: 'error', required: false, type: String })
  @ApiQuery({ name: 'iss', required: false, type: String })
  @ApiOkResponse({ type: OAuthConnectedDto })
  @ApiProduces('application/json', 'text/html')
  @ApiBadRequestResponse()
  @ApiForbiddenResponse()
  @ApiNotFoundResponse()
  @ApiConflictResponse()
  @ApiBadGatewayResponse()
  @ApiGatewayTimeoutResponse()
  callback(
    @Query() query: Record<string, unknown>,
    @Headers('accept') accept: string | undefined,
    @Res() response: Response,
  ): Promise<void> {
    return showOutcome(response, accept ?? '', () => this.connections.finish(answerOf(query)));
  }

  @Get('oauth/client-metadata')
  @Public('authorization servers read here who asks, and where people are sent back to')
  clientMetadata(): ClientMetadataDto {
    return this.identities.metadata() as ClientMetadataDto;
  }
}
