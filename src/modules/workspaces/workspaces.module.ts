import { Module, type OnModuleInit } from '@nestjs/common';
import { TenantBytes } from '../../platform/storage/tenant-bytes.js';
import { ToolRegistry } from '../tools/tool-registry.service.js';
import { ToolsModule } from '../tools/tools.module.js';
import { FileSearch } from './file-search.js';
import { FilesystemServer } from './filesystem.server.js';
import { WorkspaceArchives } from './workspace-archives.js';
import { WorkspaceChanges } from './workspace-changes.service.js';
import { WorkspaceFolders } from './workspace-folders.js';
import { WorkspaceGate } from './workspace-gate.service.js';
import { WorkspaceTurns } from './workspace-turns.js';
import { WorkspacesRepository } from './workspaces.repository.js';
import { WorkspacesService } from './workspaces.service.js';
import { WorkspacesSweeper } from './workspaces.sweeper.js';

@Module({
  imports: [ToolsModule],
  providers: [
    WorkspacesRepository,
    WorkspaceFolders,
    WorkspaceTurns,
    WorkspaceArchives,
    WorkspaceGate,
    WorkspacesService,
    WorkspaceChanges,
    WorkspacesSweeper,
    FileSearch,
    FilesystemServer,
  ],
  exports: [WorkspacesService, WorkspaceChanges, WorkspaceGate],
})
export class WorkspacesModule implements OnModuleInit {
  constructor(
    private readonly registry: ToolRegistry,
    private readonly filesystem: FilesystemServer,
    private readonly bytes: TenantBytes,
    private readonly folders: WorkspaceFolders,
  ) {}

  onModuleInit(): void {
    this.registry.register(this.filesystem);
    this.bytes.erasedBy((tenantId) => this.folders.removeAll(tenantId));
  }
}
