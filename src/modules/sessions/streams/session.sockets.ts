import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ValidationFailed } from '../../../contracts/errors.js';
import { sessionRoom } from '../../../contracts/live-events.js';
import { currentTenantActor } from '../../../platform/access/scope.js';
import { EventReaders } from '../../../platform/live/event-readers.js';
import { SocketHandlers, type MessageConnection } from '../../../platform/live/socket-handlers.js';
import { ClientTools } from '../client-tools/client-tools.service.js';
import { PermissionsService } from '../permissions/permissions.service.js';
import { SendMessageService } from '../messages/send-message.service.js';
import { RunsRepository } from '../runs/runs.repository.js';
import { RunsService } from '../runs/runs.service.js';
import { SessionsService } from '../sessions.service.js';
import { SessionSources } from './session-source.js';
import {
  CancelRunDto,
  JoinSessionDto,
  LeaveSessionDto,
  SocketDecisionDto,
  SocketMessageDto,
  SocketToolResultDto,
} from './session-sockets.dto.js';

/** What a client can say about sessions over its socket. */
@Injectable()
export class SessionSockets implements OnModuleInit {
  constructor(
    private readonly handlers: SocketHandlers,
    private readonly readers: EventReaders,
    private readonly sources: SessionSources,
    private readonly sessions: SessionsService,
    private readonly sending: SendMessageService,
    private readonly runRows: RunsRepository,
    private readonly runs: RunsService,
    private readonly permissions: PermissionsService,
    private readonly clientTools: ClientTools,
  ) {}

  onModuleInit(): void {
    this.handlers.on('session.join', {
      access: { can: 'sessions:read' },
      payload: JoinSessionDto,
      handle: (payload, connection) => this.join(payload, connection),
    });
    this.handlers.on('session.leave', {
      access: { can: 'sessions:read' },
      payload: LeaveSessionDto,
      handle: ({ sessionId }, connection) => {
        connection.unfollow(sessionKey(sessionId));
        return Promise.resolve({});
      },
    });
    this.handlers.on('message.send', {
      access: { can: 'messages:create' },
      payload: SocketMessageDto,
      handle: async ({ sessionId, ...message }) => ({
        runId: (await this.sending.send(sessionId, message, 'message')).id,
      }),
    });
    this.handlers.on('run.cancel', {
      access: { can: 'messages:create' },
      payload: CancelRunDto,
      handle: async ({ runId }) => ({ run: await this.runs.cancel(runId) }),
    });
    this.handlers.on('permission.decide', {
      access: { can: 'permissions:decide' },
      payload: SocketDecisionDto,
      handle: async ({ permissionId, ...decision }) => ({
        permission: await this.permissions.decide(permissionId, decision),
      }),
    });
    this.handlers.on('tool.result', {
      access: { can: 'messages:create' },
      payload: SocketToolResultDto,
      handle: ({ runId, ...result }) => this.clientTools.answer(runId, result),
    });
  }

  private async join({ sessionId, runId, afterSeq }: JoinSessionDto, connection: MessageConnection): Promise<object> {
    await this.sessions.require(sessionId);
    if (runId !== undefined) await this.requireRun(sessionId, runId);
    await connection.follow(sessionKey(sessionId), (sink) =>
      this.readers.open({
        room: sessionRoom(currentTenantActor().tenantId, sessionId),
        source: this.sources.ofSession(sessionId, runId ?? null),
        sink,
        replay: runId === undefined ? undefined : { runId, afterSeq: afterSeq ?? 0 },
      }),
    );
    const runs = await this.runRows.openOrLast(sessionId);
    return { runs: runs.map(({ id, status, lastSeq }) => ({ runId: id, status, lastSeq })) };
  }

  private async requireRun(sessionId: string, runId: string): Promise<void> {
    const run = await this.runRows.findVisible(runId);
    if (run?.sessionId !== sessionId) throw ValidationFailed.of('runId', 'There is no such run in this session', runId);
  }
}

function sessionKey(sessionId: string): string {
  return `session:${sessionId}`;
}
