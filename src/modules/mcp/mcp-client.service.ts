import { Injectable } from '@nestjs/common';
import { Conflict } from '../../contracts/errors.js';
import { currentTenantActor } from '../../platform/access/scope.js';
import type { BreakerState, GuardedCall } from '../../platform/resilience/breaker.js';
import { Breakers } from '../../platform/resilience/breakers.js';
import type { McpConnection } from './client/mcp-connection.js';
import { McpConnections } from './mcp-connections.js';
import { InvalidAnswer, McpServerFailed, McpServerSilent, NotNow, ServerRefused, SessionLost } from './mcp-errors.js';
import type { McpServerEntity } from './mcp-server.entity.js';

interface UseOptions {
  signal?: AbortSignal;
  /** Asks also where the breaker is open, to see whether the server is back; its outcome does not count. */
  isProbe?: boolean;
}

/** What is asked of a tenant's server: on a pooled connection, under its breaker, as the scope's user. */
@Injectable()
export class McpClient {
  constructor(
    private readonly connections: McpConnections,
    private readonly breakers: Breakers,
  ) {}

  /**
   * @throws Conflict for one that is disabled, CircuitOpen, McpServerFailed, McpServerSilent, AccountNotConnected,
   * ServerRefused, the signal's reason
   */
  async use<T>(
    server: McpServerEntity,
    ask: (connection: McpConnection) => Promise<T>,
    { signal, isProbe = false }: UseOptions = {},
  ): Promise<T> {
    if (!server.enabled) throw new Conflict(`The MCP server ${server.name} is disabled`);
    const call = isProbe ? null : this.breakers.get(breakerOf(server)).begin();
    try {
      const result = await this.asked(server, ask, signal);
      call?.succeeded();
      return result;
    } catch (error) {
      tell(call, error);
      throw error;
    }
  }

  breakerState(server: McpServerEntity): BreakerState {
    return this.breakers.get(breakerOf(server)).state;
  }

  /** Once more on a new connection where the server has forgotten the old one's session, and so did nothing. */
  private async asked<T>(
    server: McpServerEntity,
    ask: (connection: McpConnection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    try {
      return await this.askedOnce(server, ask, signal);
    } catch (error) {
      if (!(error instanceof SessionLost)) throw error;
      return await this.askedOnce(server, ask, signal).catch((second: unknown) => {
        throw second instanceof SessionLost ? second.failure : second;
      });
    }
  }

  private async askedOnce<T>(
    server: McpServerEntity,
    ask: (connection: McpConnection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { userId } = currentTenantActor();
    const lent = async (connection: McpConnection, isNew: boolean): Promise<T> => {
      try {
        return await ask(connection);
      } catch (error) {
        if (error instanceof SessionLost || error instanceof InvalidAnswer) this.connections.drop(connection);
        // What a server refuses on a new connection it refuses, whatever it remembers.
        throw error instanceof SessionLost && isNew ? error.failure : error;
      }
    };
    return this.connections.lend(server, userId, lent, signal);
  }
}

function breakerOf({ name, id }: McpServerEntity): string {
  return `MCP server ${name} (${id})`;
}

/** An answer is an answer, also one that refuses. */
function tell(call: GuardedCall | null, error: unknown): void {
  if (error instanceof ServerRefused) call?.succeeded();
  else if (error instanceof NotNow) call?.abandoned();
  else if (error instanceof McpServerFailed || error instanceof McpServerSilent) call?.failed();
  else call?.abandoned();
}
