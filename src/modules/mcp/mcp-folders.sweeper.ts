import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../platform/access/actor.js';
import { runAs } from '../../platform/access/scope.js';
import { RepeatedPass } from '../../platform/jobs/repeated-pass.js';
import { McpFolders } from './mcp-folders.js';
import { McpServersRepository } from './mcp-servers.repository.js';

const EVERY_MS = 3_600_000;

/**
 * Deletes folders of servers that are gone: a process may have died before it did, or a server's process may have been
 * started just then. In every process, for each starts servers on the disk it has.
 */
@Injectable()
export class McpFoldersSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('McpFoldersSweeper');
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: this.logger,
    pass: () => this.sweep(),
  });

  constructor(
    private readonly folders: McpFolders,
    private readonly servers: McpServersRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  async sweep(): Promise<undefined> {
    // A server has its row before it has a folder, so that one without is of a server that was.
    for await (const { tenantId, ids } of this.folders.all()) {
      const left = await runAs(Actor.job(tenantId), () => this.servers.withoutRow(ids));
      for (const id of left) await this.folders.remove({ tenantId, id }).catch((error: unknown) => this.tell(error));
    }
    await this.folders.deleteRemoved((error) => this.tell(error));
  }

  private tell(error: unknown): void {
    this.logger.warn({ err: error }, 'A folder of an MCP server that is gone could not be deleted');
  }
}
