import { Body, Controller, Get, Patch } from '@nestjs/common';
import { Access } from '../../platform/access/access.decorator.js';
import { TenantDto, UpdateTenantDto } from './tenant.dto.js';
import { TenantsService } from './tenants.service.js';

@Controller('tenant')
export class TenantController {
  constructor(private readonly tenants: TenantsService) {}

  /** The caller's tenant. */
  @Get()
  @Access({ can: 'tenant:read' })
  get(): Promise<TenantDto> {
    return this.tenants.get();
  }

  @Patch()
  @Access({ can: 'tenant:update' })
  update(@Body() dto: UpdateTenantDto): Promise<TenantDto> {
    return this.tenants.update(dto);
  }
}
