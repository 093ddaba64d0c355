import { Controller, Delete, Get, HttpCode, Query } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { ListPermissionGrantsQuery, PermissionGrantPage } from './permission-grants.dto.js';
import { PermissionGrantsService } from './permission-grants.service.js';

@Controller('permission-grants')
@PathResource(PermissionGrantsService, 'require')
export class PermissionGrantsController {
  constructor(private readonly grants: PermissionGrantsService) {}

  /** What people have permitted for good: for agents, and in sessions that the caller may see. */
  @Get()
  @Access({ can: 'permissions:read' })
  list(@Query() query: ListPermissionGrantsQuery): Promise<PermissionGrantPage> {
    return this.grants.list(query);
  }

  /** From the next call on people are asked again. An agent's needs `agents:update` too. */
  @Delete(':id')
  @HttpCode(204)
  @Access({ can: 'permissions:decide' })
  revoke(@Id() id: string): Promise<void> {
    return this.grants.revoke(id);
  }
}
