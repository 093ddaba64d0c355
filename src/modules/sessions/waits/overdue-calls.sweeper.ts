import { Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { Actor } from '../../../platform/access/actor.js';
import { runAs } from '../../../platform/access/scope.js';
import { Settings } from '../../../platform/config/settings.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { RepeatedPass } from '../../../platform/jobs/repeated-pass.js';
import { shownText } from '../executions/execution.js';
import { CallAnswers } from './call-answers.service.js';
import { WaitingCallsRepository } from './waiting-calls.repository.js';

const EVERY_MS = 1_000;
const BATCH = 100;

/** Ends the waiting of calls that nobody has answered in time; their runs go on without. */
@Injectable()
export class OverdueCallsSweeper implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('OverdueCallsSweeper');
  private readonly passes = new RepeatedPass({
    everyMs: EVERY_MS,
    logger: this.logger,
    pass: () => this.sweep(),
  });

  constructor(
    private readonly calls: WaitingCallsRepository,
    private readonly answers: CallAnswers,
    private readonly events: Events,
    private readonly settings: Settings,
    private readonly db: Db,
  ) {}

  onApplicationBootstrap(): void {
    if (this.settings.role !== 'api') this.passes.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.passes.stop();
  }

  private async sweep(): Promise<undefined> {
    const overdue = await runAs(Actor.system('calls that nobody has answered'), () =>
      this.db.systemSql<{ tenantId: string; id: string }>(
        `SELECT c.tenant_id AS "tenantId", c.id FROM tool_calls c
         JOIN runs r ON r.tenant_id = c.tenant_id AND r.id = c.run_id AND r.cancel_requested_at IS NULL
         JOIN tenants t ON t.id = c.tenant_id AND t.status = 'active' AND t.deleted_at IS NULL
         WHERE c.status = 'waiting' AND c.waits_until <= now() ORDER BY c.waits_until LIMIT :batch`,
        { batch: BATCH },
      ),
    );
    for (const { tenantId, id } of overdue) {
      await runAs(Actor.job(tenantId), () => this.expire(id)).catch((error: unknown) => {
        // Answered meanwhile, or its run is about to end and takes it along.
        if (error instanceof Conflict) return;
        // One that can not be ended is in nobody else's way.
        this.logger.error({ err: error, tenantId, toolCallId: id }, 'The waiting of a call could not be ended');
      });
    }
  }

  private async expire(id: string): Promise<void> {
    await this.db.run(async () => {
      const call = await this.calls.find(id);
      if (call?.status !== 'waiting') return;
      const { runId, sessionId, name: tool, waitsFor } = call;
      const isAsked = waitsFor === 'permission' || waitsFor === 'connect';
      const said = isAsked ? `Nobody permitted ${tool} in time` : `${tool} was not answered in time`;
      const word = isAsked ? { status: 'expired' as const, decidedBy: null, reason: null } : null;
      const decision = isAsked
        ? ({ decision: 'deny', decidedBy: 'expiry' } as const)
        : { decision: null, decidedBy: null };
      await this.answers.answer(call, { status: 'failed', ...decision, ...shownText(said, true) }, word);
      await this.events.publish('run.toolCallExpired', {
        ...{ resourceType: 'run', resourceId: runId },
        payload: { sessionId, tool },
      });
    });
  }
}
