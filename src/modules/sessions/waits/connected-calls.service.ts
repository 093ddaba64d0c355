import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Conflict } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { EventConsumers } from '../../../platform/events/event-consumers.js';
import { McpServers } from '../../mcp/mcp-servers.service.js';
import { McpGrants } from '../../mcp/oauth/mcp-grants.service.js';
import { CallAnswers } from './call-answers.service.js';
import { WaitingCallsRepository } from './waiting-calls.repository.js';

/** Lets calls go on that waited for a person to connect an account with their server. */
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
    this.consumers.on('connected-calls', ['mcpServer.connected'], ({ actorId, payload }) =>
      this.goOn(payload.serverId, payload.userId, actorId),
    );
  }

  /** The account may have been connected before anybody was stored to wait for it. @throws NotFound */
  async recheck(serverId: string, userId: string | null): Promise<void> {
    const server = await this.servers.require(serverId);
    if ((await this.grants.stateOf(server, userId)) === 'connected') await this.goOn(serverId, userId, userId);
  }

  /** `userId`: whose account it is; null: the tenant's. */
  private async goOn(serverId: string, userId: string | null, connectedBy: string | null): Promise<void> {
    for (const id of await this.calls.waitingToConnect(serverId, userId)) {
      try {
        await this.db.run(async () => {
          const call = await this.calls.find(id);
          const word = { status: 'allowed', decidedBy: userId ?? connectedBy, reason: null } as const;
          const answer = { status: 'pending', decision: null, decidedBy: null } as const;
          if (call?.status === 'waiting') await this.answers.answer(call, answer, word);
        });
      } catch (error) {
        // Answered otherwise meanwhile, or its run is about to end.
        if (!(error instanceof Conflict)) throw error;
      }
    }
  }
}
