import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Conflict, NotFound } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { EventConsumers } from '../../../platform/events/event-consumers.js';
import { McpServers } from '../../mcp/mcp-servers.service.js';
import { McpGrants } from '../../mcp/oauth/mcp-grants.service.js';
import { shownText } from '../executions/execution.js';
import { CallAnswers, type PermissionWord } from './call-answers.service.js';
import { WaitingCallsRepository, type CallAnswer } from './waiting-calls.repository.js';

const CONSUMER = 'connected-calls';
const GONE = 'The server is not there any more';

/** Lets calls go on that waited for a person to connect an account with their server, and ends them with the server. */
@Injectable()
export class ConnectedCalls implements OnModuleInit {
  constructor(
    private readonly consumers: EventConsumers,
    private readonly calls: WaitingCallsRepository,
    private readonly answers: CallAnswers,
    private readonly servers: McpServers,
    private readonly grants: McpGrants,
    private readonly db: Db,
  ) {}

  onModuleInit(): void {
    this.consumers.on(CONSUMER, ['mcpServer.connected'], ({ actorId, payload }) =>
      this.goOn(payload.serverId, payload.userId, actorId),
    );
    this.consumers.on(CONSUMER, ['mcpServer.deleted'], ({ resourceId }) =>
      resourceId === null ? Promise.resolve() : this.giveUp(resourceId),
    );
  }

  /** The account may have been connected, or the server deleted, before anybody was stored to wait for it. */
  async recheck(serverId: string, userId: string | null): Promise<void> {
    try {
      const server = await this.servers.require(serverId);
      if ((await this.grants.stateOf(server, userId)) === 'connected') await this.goOn(serverId, userId, userId);
    } catch (error) {
      if (!(error instanceof NotFound)) throw error;
      await this.giveUp(serverId);
    }
  }

  /** `userId`: whose account it is; null: the tenant's. */
  private async goOn(serverId: string, userId: string | null, connectedBy: string | null): Promise<void> {
    const answer = { status: 'pending', decision: null, decidedBy: null } as const;
    const word = { status: 'allowed', decidedBy: userId ?? connectedBy, reason: null } as const;
    await this.answer(await this.calls.waitingToConnect(serverId, userId), answer, word);
  }

  private async giveUp(serverId: string): Promise<void> {
    const answer = { status: 'failed', decision: null, decidedBy: null, ...shownText(GONE, true) } as const;
    const word = { status: 'expired', decidedBy: null, reason: GONE } as const;
    await this.answer(await this.calls.waitingToConnect(serverId, null), answer, word);
  }

  private async answer(ids: readonly string[], answer: CallAnswer, word: PermissionWord): Promise<void> {
    for (const id of ids) {
      try {
        await this.db.run(async () => {
          const call = await this.calls.find(id);
          if (call?.status === 'waiting') await this.answers.answer(call, answer, word);
        });
      } catch (error) {
        // Answered otherwise meanwhile, or its run is about to end.
        if (!(error instanceof Conflict)) throw error;
      }
    }
  }
}
