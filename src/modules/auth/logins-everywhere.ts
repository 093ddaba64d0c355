import { Injectable } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { Db } from '../../platform/database/db.js';
import { Events } from '../../platform/events/events.js';
import { AccountsService } from '../tenants/accounts.service.js';
import { TokenSessionsRepository } from './token-sessions.repository.js';

interface Login {
  tenantId: string;
  userId: string;
  tokenSessionId: string;
}

/** What reaches a person's logins in all of their tenants. Each one that ends stands in the log of its own tenant. */
@Injectable()
export class LoginsEverywhere {
  constructor(
    private readonly accounts: AccountsService,
    private readonly sessions: TokenSessionsRepository,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  async logout({ tenantId, userId }: Login): Promise<void> {
    await this.act(async () => {
      await this.end(userId, null);
      await this.events.publish('auth.loggedOutEverywhere', {
        resourceType: 'user',
        resourceId: userId,
        payload: { userId },
        tenantId,
      });
    });
  }

  /** The present login goes on. */
  async changePassword({ tenantId, userId, tokenSessionId }: Login, passwordHash: string): Promise<void> {
    await this.act(async () => {
      await this.accounts.setPassword(userId, passwordHash);
      await this.end(userId, tokenSessionId);
      await this.events.publish('auth.passwordChanged', {
        resourceType: 'user',
        resourceId: userId,
        payload: { userId },
        tenantId,
      });
    });
  }

  private async end(userId: string, keptId: string | null): Promise<void> {
    for (const { tenantId, id } of await this.sessions.revokeAllBut(keptId, userId)) {
      await this.events.publish('auth.loggedOut', {
        resourceType: 'tokenSession',
        resourceId: id,
        payload: { userId, tokenSessionId: id },
        tenantId,
      });
    }
  }

  private async act(fn: () => Promise<void>): Promise<void> {
    await runAs(Actor.system('the logins of one person'), () => this.db.run(fn));
  }
}
