import { Injectable } from '@nestjs/common';
import { AccessDenied, Conflict, NotFound, ValidationFailed } from '../../../contracts/errors.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { Db } from '../../../platform/database/db.js';
import { Events } from '../../../platform/events/events.js';
import { Cursors } from '../../../platform/http/pagination.js';
import { shownText } from '../executions/execution.js';
import { CallAnswers } from '../waits/call-answers.service.js';
import { WaitingCallsRepository, type CallAnswer } from '../waits/waiting-calls.repository.js';
import type { PermissionRequest } from './permission.js';
import {
  shownPermission,
  type DecidePermissionDto,
  type ListPermissionsQuery,
  type PermissionDto,
  type PermissionPage,
} from './permissions.dto.js';
import { PermissionsRepository } from './permissions.repository.js';

/** What people are asked before tools are used, and what they say. */
@Injectable()
export class PermissionsService {
  constructor(
    private readonly permissions: PermissionsRepository,
    private readonly calls: WaitingCallsRepository,
    private readonly answers: CallAnswers,
    private readonly events: Events,
    private readonly cursors: Cursors,
    private readonly db: Db,
  ) {}

  /** @throws NotFound */
  async get(id: string): Promise<PermissionDto> {
    return shownPermission(await this.require(id));
  }

  /** @throws NotFound */
  async require(id: string): Promise<PermissionRequest> {
    const permission = await this.permissions.findVisible(id);
    if (!permission) throw new NotFound('Permission');
    return permission;
  }

  async list({ status, sessionId, cursor, limit }: ListPermissionsQuery): Promise<PermissionPage> {
    const before = this.cursors.id(cursor);
    const rows = await this.permissions.list({ status, sessionId, before, limit: limit + 1 });
    return this.cursors.page(rows, limit, shownPermission);
  }

  /** @throws NotFound, AccessDenied, Conflict when it is not pending any more, ValidationFailed */
  async decide(id: string, { decision, remember = 'once', reason }: DecidePermissionDto): Promise<PermissionDto> {
    const { userId, permissions: mine } = currentTenantActor();
    if (remember === 'agent' && !mine.has('agents:update'))
      throw new AccessDenied('To remember it for the agent needs agents:update', {
        details: { permission: 'agents:update' },
      });
    return this.db.run(async () => {
      const asked = await this.require(id);
      if (asked.status !== 'pending') throw new Conflict(`The permission is ${asked.status}`);
      const call = await this.calls.find(asked.toolCallId);
      if (!call) throw new NotFound('Permission');
      const answer = answerOf(decision, asked.tool, userId, reason ?? null);
      const status = decision === 'allow' ? 'allowed' : 'denied';
      const run = await this.answers.answer(call, answer, { status, decidedBy: userId, reason: reason ?? null });
      if (decision === 'allow' && remember !== 'once') await this.remember(remember, asked, run.agentId, userId);
      const { sessionId, tool, runId } = asked;
      await this.events.publish('permission.decided', {
        ...{ resourceType: 'permission', resourceId: id },
        payload: { sessionId, runId, tool, decision, remember },
        changes: { tool, decision, remember, ...(reason === undefined ? {} : { reason }) },
      });
      return this.get(id);
    });
  }

  private async remember(
    where: 'session' | 'agent',
    { rootSessionId, tool }: PermissionRequest,
    agentId: string | null,
    userId: string | null,
  ): Promise<void> {
    if (userId === null) throw new Error('Only a person permits');
    if (where === 'session') return this.permissions.grant({ sessionId: rootSessionId }, tool, userId);
    if (agentId === null) throw ValidationFailed.of('remember', 'The session has no agent to remember it for', where);
    return this.permissions.grant({ agentId }, tool, userId);
  }
}

function answerOf(
  decision: 'allow' | 'deny',
  tool: string,
  decidedBy: string | null,
  reason: string | null,
): CallAnswer {
  if (decision === 'allow') return { status: 'pending', decision, decidedBy };
  const because = reason === null ? '' : `: ${reason}`;
  return { status: 'failed', decision, decidedBy, ...shownText(`The user did not permit ${tool}${because}`, true) };
}
