import { Module, type OnModuleInit } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ResilienceModule } from '../../platform/resilience/resilience.module.js';
import { MembersService } from '../tenants/members.service.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { TenantBytes } from '../../platform/storage/tenant-bytes.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { ToolsModule } from '../tools/tools.module.js';
import { McpToolLists } from './catalogue/mcp-tool-lists.service.js';
import { McpToolsRepository } from './catalogue/mcp-tools.repository.js';
import { KnownServers } from './known-servers.js';
import { McpClient } from './mcp-client.service.js';
import { McpConnections } from './mcp-connections.js';
import { McpFolders } from './mcp-folders.js';
import { McpFoldersSweeper } from './mcp-folders.sweeper.js';
import { McpHeaders } from './mcp-headers.js';
import { McpInspection } from './mcp-inspection.service.js';
import { McpOpener } from './mcp-opener.js';
import { McpServerEntity } from './mcp-server.entity.js';
import { McpServersController } from './mcp-servers.controller.js';
import { McpServersRepository } from './mcp-servers.repository.js';
import { McpServers } from './mcp-servers.service.js';
import { McpToolSource } from './mcp-tool.source.js';
import { GrantRevocation } from './oauth/grant-revocation.service.js';
import { McpGrants } from './oauth/mcp-grants.service.js';
import { OAUTH_PROVIDERS } from './oauth/oauth-providers.js';
import { McpOAuthController } from './oauth/oauth.controller.js';
import { StdioCommands } from './stdio/stdio-commands.js';

@Module({
  imports: [TypeOrmModule.forFeature([McpServerEntity]), TenantsModule, ToolsModule, ResilienceModule],
  controllers: [McpOAuthController, McpServersController],
  providers: [
    McpServers,
    McpServersRepository,
    KnownServers,
    McpHeaders,
    McpInspection,
    McpClient,
    McpConnections,
    McpOpener,
    McpFolders,
    McpFoldersSweeper,
    McpToolLists,
    McpToolsRepository,
    McpToolSource,
    StdioCommands,
    ...OAUTH_PROVIDERS,
  ],
  exports: [McpGrants, McpServers],
})
export class McpModule implements OnModuleInit {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly source: McpToolSource,
    private readonly members: MembersService,
    private readonly revocation: GrantRevocation,
    private readonly bytes: TenantBytes,
    private readonly folders: McpFolders,
  ) {}

  onModuleInit(): void {
    this.registry.addSource(this.source);
    this.members.onDeparture(async (userId) => {
      const ended = await this.revocation.takeAllOf({ userId });
      return () => this.revocation.revoke(ended);
    });
    this.bytes.erasedBy((tenantId) => this.folders.removeAll(tenantId));
  }
}
