import { Module } from '@nestjs/common';
import { AccountsRepository } from './accounts.repository.js';
import { AccountsService } from './accounts.service.js';
import { AdministeredTenantsRepository } from './administered-tenants.repository.js';
import { AdministeredTenantsService } from './administered-tenants.service.js';
import { ErasureSweeper } from './erasure.sweeper.js';
import { FirstStart } from './first-start.js';
import { InvitationsRepository } from './invitations.repository.js';
import { InvitationsService } from './invitations.service.js';
import { MembersController } from './members.controller.js';
import { MembersRepository } from './members.repository.js';
import { MembersService } from './members.service.js';
import { TenantController } from './tenant.controller.js';
import { TenantFounding } from './tenant-founding.js';
import { TenantsRepository } from './tenants.repository.js';
import { TenantsService } from './tenants.service.js';

@Module({
  controllers: [TenantController, MembersController],
  providers: [
    AccountsRepository,
    AccountsService,
    AdministeredTenantsRepository,
    AdministeredTenantsService,
    ErasureSweeper,
    FirstStart,
    InvitationsRepository,
    InvitationsService,
    MembersRepository,
    MembersService,
    TenantFounding,
    TenantsRepository,
    TenantsService,
  ],
  exports: [AccountsService, AdministeredTenantsService, InvitationsService, MembersService, TenantsService],
})
export class TenantsModule {}
