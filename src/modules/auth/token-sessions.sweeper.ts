import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { Settings } from '../../platform/config/settings.js';
import { RepeatedPass } from '../../platform/jobs/repeated-pass.js';
import { TokenSessionsRepository } from './token-sessions.repository.js';

const EVERY_MS = 3_600_000;

/** Deletes logins whose last token has expired. */
@Injectable()
export class TokenSessionsSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: new Logger('TokenSessionsSweeper'),
    pass: () => this.pass(),
  });

  constructor(
    private readonly sessions: TokenSessionsRepository,
    private readonly settings: Settings,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  private async pass(): Promise<undefined> {
    await runAs(Actor.system('expired logins'), () => this.sessions.deleteExpired());
  }
}
