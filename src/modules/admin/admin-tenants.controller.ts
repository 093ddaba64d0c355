import { Body, Controller, Delete, Get, HttpCode, Patch, Post, Query } from '@nestjs/common';
import { ApiConflictResponse } from '@nestjs/swagger';
import { Access } from '../../platform/access/access.decorator.js';
import { Id } from '../../platform/http/id.decorator.js';
import { Replay } from '../../platform/http/idempotency.js';
import { PathResource } from '../../platform/http/path-resource.js';
import {
  AdministeredTenantDto,
  AdministeredTenantPage,
  AdministerTenantDto,
  CreateTenantDto,
  ListTenantsQuery,
} from '../tenants/administered-tenants.dto.js';
import { AdministeredTenantsService } from '../tenants/administered-tenants.service.js';

@Controller('admin/tenants')
@Access({ superadmin: true })
@PathResource(AdministeredTenantsService, 'require')
export class AdminTenantsController {
  constructor(private readonly tenants: AdministeredTenantsService) {}

  /** An owner who is new to the installation is made; an existing user is invited and has to accept. */
  @Post()
  @Replay((controller: AdminTenantsController, id) => controller.get(id))
  create(@Body() dto: CreateTenantDto): Promise<AdministeredTenantDto> {
    return this.tenants.create(dto);
  }

  @Get()
  list(@Query() query: ListTenantsQuery): Promise<AdministeredTenantPage> {
    return this.tenants.list(query);
  }

  @Get(':id')
  get(@Id() id: string): Promise<AdministeredTenantDto> {
    return this.tenants.get(id);
  }

  @Patch(':id')
  @ApiConflictResponse({ description: 'The tenant one is signed in to can not be suspended' })
  update(@Id() id: string, @Body() dto: AdministerTenantDto): Promise<AdministeredTenantDto> {
    return this.tenants.change(id, dto);
  }

  /** Invisible at once, restorable for a time, then erased; its slug stays taken. */
  @Delete(':id')
  @HttpCode(204)
  @ApiConflictResponse({ description: 'The tenant one is signed in to can not be deleted' })
  remove(@Id() id: string): Promise<void> {
    return this.tenants.remove(id);
  }

  @Post(':id/restore')
  @HttpCode(200)
  @Replay((controller: AdminTenantsController, id) => controller.get(id))
  restore(@Id() id: string): Promise<AdministeredTenantDto> {
    return this.tenants.restore(id);
  }
}
