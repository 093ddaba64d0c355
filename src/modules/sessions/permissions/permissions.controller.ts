import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { Access } from '../../../platform/access/access.decorator.js';
import { Id } from '../../../platform/http/id.decorator.js';
import { Replay } from '../../../platform/http/idempotency.js';
import { PathResource } from '../../../platform/http/path-resource.js';
import { DecidePermissionDto, ListPermissionsQuery, PermissionDto, PermissionPage } from './permissions.dto.js';
import { PermissionsService } from './permissions.service.js';

@Controller('permissions')
@PathResource(PermissionsService, 'require')
export class PermissionsController {
  constructor(private readonly permissions: PermissionsService) {}

  /** What people were asked before tools were used; of sessions that the caller may see. */
  @Get()
  @Access({ can: 'permissions:read' })
  list(@Query() query: ListPermissionsQuery): Promise<PermissionPage> {
    return this.permissions.list(query);
  }

  @Get(':id')
  @Access({ can: 'permissions:read' })
  get(@Id() id: string): Promise<PermissionDto> {
    return this.permissions.get(id);
  }

  /** Allow or deny the call; the run goes on once nothing is waited for any more. */
  @Post(':id')
  @HttpCode(200)
  @Access({ can: 'permissions:decide' })
  @Replay((controller: PermissionsController, id) => controller.get(id))
  decide(@Id() id: string, @Body() dto: DecidePermissionDto): Promise<PermissionDto> {
    return this.permissions.decide(id, dto);
  }
}
