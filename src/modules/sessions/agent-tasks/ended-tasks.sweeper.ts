import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { ParentRuns } from './parent-runs.service.js';

const EVERY_MS = 15_000;
const BATCH = 100;

/**
 * Tells runs that agents they asked have ended, where the telling was lost. Nobody holds a run that waits for agents, so
 * nothing else would find it.
 */
@Injectable()
export class EndedTasksSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('EndedTasksSweeper');
  private readonly passes = new RepeatedPass({ everyMs: EVERY_MS, logger: this.logger, pass: () => this.sweep() });

  constructor(
    private readonly parents: ParentRuns,
    private readonly settings: Settings,
    private readonly db: Db,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  async sweep(): Promise<undefined> {
    const untold = await runAs(Actor.system('agents whose end nobody was told of'), () =>
      this.db.systemSql<{ tenantId: string; runId: string }>(
        `SELECT t.tenant_id AS "tenantId", t.run_id AS "runId" FROM tool_calls c
         JOIN agent_tasks t ON t.tenant_id = c.tenant_id AND t.tool_call_id = c.id
         JOIN runs child ON child.tenant_id = t.tenant_id AND child.id = t.run_id
         JOIN runs parent ON parent.tenant_id = t.tenant_id AND parent.id = t.parent_run_id
         WHERE c.status = 'waiting' AND c.waits_for = 'agent' AND child.finished_at < now() - interval '10 seconds'
           AND parent.cancel_requested_at IS NULL
         LIMIT :batch`,
        { batch: BATCH },
      ),
    );
    for (const { tenantId, runId } of untold) {
      await runAs(Actor.job(tenantId), () => this.parents.onEnd(runId)).catch((error: unknown) => {
        this.logger.error({ err: error, tenantId, runId }, 'A run could not be told of the end of an agent');
      });
    }
  }
}
