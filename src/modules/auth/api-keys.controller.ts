import { Body, Controller, Delete, Get, HttpCode, Post, Query } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import { ApiKeyPage, CreateApiKeyDto, ListApiKeysQuery, NewApiKeyDto } from './api-keys.dto.js';
import { ApiKeysService } from './api-keys.service.js';

@Controller('api-keys')
@PathResource(ApiKeysService, 'require')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  /** The answer is the only one that shows the key. */
  @Post()
  @Access({ can: 'apiKeys:create' })
  @Replay(false)
  create(@Body() dto: CreateApiKeyDto): Promise<NewApiKeyDto> {
    return this.keys.create(dto);
  }

  /** The caller's own. */
  @Get()
  @Access({ can: 'apiKeys:read' })
  list(@Query() query: ListApiKeysQuery): Promise<ApiKeyPage> {
    return this.keys.list(query);
  }

  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'apiKeys:delete' })
  revoke(@Id() id: string): Promise<void> {
    return this.keys.revoke(id);
  }
}
