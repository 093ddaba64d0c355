import { createPrivateKey } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Conflict, ValidationFailed } from '../../../contracts/errors.js';
import { Db } from '../../../platform/database/db.js';
import { AddressRules } from '../../../platform/egress/address-rules.js';
import { Events } from '../../../platform/events/events.js';
import type { McpServerEntity } from '../mcp-server.entity.js';
import { McpServers } from '../mcp-servers.service.js';
import type { OAuthClient } from './oauth-client.js';
import { OAuthClientsRepository } from './oauth-clients.repository.js';
import { OAuthConnections } from './oauth-connections.service.js';
import type { GiveOAuthClientDto, OAuthClientDto } from './oauth.dto.js';

/** Clients for authorization servers that register none by themselves, or that give access without a person. */
@Injectable()
export class GivenClients {
  constructor(
    private readonly servers: McpServers,
    private readonly clients: OAuthClientsRepository,
    private readonly connections: OAuthConnections,
    private readonly addresses: AddressRules,
    private readonly events: Events,
    private readonly db: Db,
  ) {}

  /** A machine's is connected at once. @throws NotFound, Conflict, ValidationFailed, ExternalServiceFailed */
  async give(id: string, dto: GiveOAuthClientDto): Promise<OAuthClientDto> {
    const server = await this.servers.require(id);
    const grantType = dto.grantType ?? 'authorization_code';
    const client = this.clientOf(server, dto);
    const { issuer, clientId } = dto;
    const access = client.isMachine === true ? await this.connections.machineAccess(server, issuer, client) : null;
    await this.db.run(async () => {
      await this.clients.give(id, issuer, client);
      await this.publish('mcpServer.clientGiven', id, { issuer, clientId, grantType });
      if (access) await this.connections.storeMachineAccess(server, access);
    });
    return { issuer, clientId, grantType };
  }

  /** Grants that it has got stay until they are disconnected. @throws NotFound */
  async takeBack(id: string): Promise<void> {
    await this.servers.require(id);
    await this.db.run(async () => {
      if (await this.clients.takeBack(id)) await this.publish('mcpServer.clientTakenBack', id, null);
    });
  }

  private clientOf({ name, oauth }: McpServerEntity, dto: GiveOAuthClientDto): OAuthClient {
    if (!oauth) throw new Conflict(`${name} has no OAuth`);
    const { issuer, clientId, clientSecret, privateKey, signingAlgorithm } = dto;
    this.addresses.assertAddressable(issuer, 'issuer');
    const isMachine = dto.grantType === 'client_credentials';
    if (isMachine && oauth.identity === 'user')
      throw ValidationFailed.of('grantType', 'grantType client_credentials is for identity tenant', dto.grantType);
    if (isMachine && clientSecret == null && privateKey == null)
      throw ValidationFailed.of('clientSecret', 'clientSecret or privateKey must be given for client_credentials');
    if (privateKey != null) requireKey(privateKey);
    return {
      client_id: clientId,
      ...(clientSecret != null && { client_secret: clientSecret }),
      ...(privateKey != null && { signing: { key: privateKey, algorithm: signingAlgorithm ?? 'ES256' } }),
      ...(isMachine && { isMachine }),
    };
  }

  private async publish(
    action: 'mcpServer.clientGiven' | 'mcpServer.clientTakenBack',
    serverId: string,
    changes: Record<string, unknown> | null,
  ): Promise<void> {
    await this.events.publish(action, { resourceType: 'mcpServer', resourceId: serverId, payload: {}, changes });
  }
}

/** @throws ValidationFailed, without the key in it */
function requireKey(pem: string): void {
  try {
    createPrivateKey(pem);
  } catch {
    throw ValidationFailed.of('privateKey', 'privateKey must be a private key in PEM');
  }
}
