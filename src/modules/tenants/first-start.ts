import { randomBytes } from 'node:crypto';
import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { Settings } from '../../platform/config/settings.js';
import { hashPassword } from '../../platform/crypto/passwords.js';
import { AccountsRepository } from './accounts.repository.js';
import { TenantFounding } from './tenant-founding.js';

const EMAIL = 'admin@atrium.local';

/** In an empty database: a superadmin, who owns the tenant `default`. */
@Injectable()
export class FirstStart implements OnApplicationBootstrap {
  constructor(
    private readonly accounts: AccountsRepository,
    private readonly founding: TenantFounding,
    private readonly settings: Settings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.settings.role === 'worker') return;
    const started = await runAs(Actor.system('first start'), () => this.accounts.anyExists());
    if (started) return;
    const email = this.settings.admin.email ?? EMAIL;
    const given = this.settings.admin.password;
    const password = given ?? randomBytes(15).toString('base64url');
    // Of several processes that start at once, one gets the slug; the others have nothing left to do.
    const tenantId = await this.founding.found({
      name: 'Default',
      slug: 'default',
      plan: 'standard',
      owner: { email, passwordHash: await hashPassword(password) },
      founder: null,
    });
    // To the terminal alone, once: a log would keep it.
    if (tenantId !== null && given === null) process.stdout.write(announcement(email, password));
  }
}

function announcement(email: string, password: string): string {
  const lines = ['First start: a superadmin was made.', `  email     ${email}`, `  password  ${password}`];
  return `\n${lines.join('\n')}\n  It is shown only now. Change it after signing in.\n\n`;
}
