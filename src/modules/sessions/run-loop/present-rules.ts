import { Injectable } from '@nestjs/common';
import { AgentsService } from '../../agents/agents.service.js';
import { TenantsService } from '../../tenants/tenants.service.js';
import { rootSessionOf, type PinnedRun, type WholeRun } from '../runs/run.js';
import { SessionsRepository } from '../sessions.repository.js';

/** What is forbidden by now: a run that somebody takes up again may have waited for a week. */
@Injectable()
export class PresentRules {
  constructor(
    private readonly tenants: TenantsService,
    private readonly agents: AgentsService,
    private readonly sessions: SessionsRepository,
  ) {}

  /** What the run pinned, and beside it the rules of tenant, agent and session as they are: the strictest count. */
  async with(run: WholeRun): Promise<PinnedRun> {
    const [tenant, agent, ...sessions] = await Promise.all([
      this.tenants.toolRules(),
      run.agentId === null ? null : this.agents.pin(run.agentId),
      ...[...new Set([run.sessionId, rootSessionOf(run)])].map((id) => this.sessions.find(id)),
    ]);
    const present = [
      tenant.permissionPolicy,
      agent?.definition.permissionPolicy,
      ...sessions.map((session) => session?.permissionPolicy),
    ].filter((policy) => policy != null);
    return {
      ...run.pinned,
      policies: [...run.pinned.policies, ...present],
      disabledTools: [...new Set([...(run.pinned.disabledTools ?? []), ...tenant.disabledTools])],
    };
  }
}
