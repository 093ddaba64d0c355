import { Module } from '@nestjs/common';
import { TenantsModule } from '../tenants/tenants.module.js';
import { AdminTenantsController } from './admin-tenants.controller.js';

@Module({ imports: [TenantsModule], controllers: [AdminTenantsController] })
export class AdminModule {}
