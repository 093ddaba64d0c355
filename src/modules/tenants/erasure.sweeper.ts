import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { Settings } from '../../platform/config/settings.js';
import { RepeatedPass } from '../../platform/jobs/repeated-pass.js';
import { TenantBytes } from '../../platform/storage/tenant-bytes.js';
import { AccountsRepository } from './accounts.repository.js';
import { AdministeredTenantsRepository } from './administered-tenants.repository.js';

const EVERY_MS = 3_600_000;
const MOST_ACCOUNTS = 1000;

/** Erases tenants whose time to be restored is over, and users whom no tenant holds any more. */
@Injectable()
export class ErasureSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('ErasureSweeper');
  private readonly passes = new RepeatedPass({ everyMs: EVERY_MS, logger: this.logger, pass: () => this.pass() });

  constructor(
    private readonly tenants: AdministeredTenantsRepository,
    private readonly accounts: AccountsRepository,
    private readonly settings: Settings,
    private readonly bytes: TenantBytes,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.kick();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  private async pass(): Promise<undefined> {
    await this.eraseTenants();
    for (const userId of await this.accounts.unheld(MOST_ACCOUNTS)) await this.accounts.forgetIfUnheld(userId);
  }

  private async eraseTenants(): Promise<void> {
    const { tenantDays } = this.settings.retention;
    await runAs(Actor.system('tenants past their retention'), async () => {
      for (const id of await this.tenants.pastRetention(tenantDays)) {
        // First the files, which nothing would find again once the tenant is unknown.
        await this.bytes.eraseAll(id);
        await this.tenants.erase(id, tenantDays);
        this.logger.log({ tenantId: id }, 'Erased a deleted tenant, its retention is over');
      }
    });
  }
}
