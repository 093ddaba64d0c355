import { Controller, Get, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { Public } from '../../platform/access/access.decorator.js';
import { Settings } from '../../platform/config/settings.js';
import { baseUrl, METADATA_PATH } from './protected-resource.js';
import { ProtectedResourceDto } from './protected-resource.dto.js';

@ApiTags('Mcp')
@Controller(METADATA_PATH)
export class ProtectedResourceController {
  constructor(private readonly settings: Settings) {}

  /** What `/mcp` asks of its clients. */
  @Get()
  @Public('clients without a credential read here what they need')
  read(@Req() request: Request): ProtectedResourceDto {
    const resource = `${baseUrl(request, this.settings.http)}/mcp`;
    return { resource, resource_name: 'Atrium', bearer_methods_supported: ['header'] };
  }

  /** The same, where standard clients look for it first. */
  @Get('mcp')
  @Public('clients without a credential read here what they need')
  readOfMcp(@Req() request: Request): ProtectedResourceDto {
    return this.read(request);
  }
}
