import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DocumentsModule } from '../../platform/documents/documents.module.js';
import { AgentsModule } from '../agents/agents.module.js';
import { HooksModule } from '../hooks/hooks.module.js';
import { McpModule } from '../mcp/mcp.module.js';
import { ModelsModule } from '../models/models.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { ToolsModule } from '../tools/tools.module.js';
import { WorkspacesModule } from '../workspaces/workspaces.module.js';
import { FileBytesSweeper } from './files/file-bytes.sweeper.js';
import { FileInspector } from './files/file-inspector.js';
import { FilesController } from './files/files.controller.js';
import { FilesRepository } from './files/files.repository.js';
import { FilesService } from './files/files.service.js';
import { MessageFiles } from './files/message-files.service.js';
import { PromptFiles } from './files/prompt-files.service.js';
import { ForksController } from './forks/forks.controller.js';
import { ForksRepository } from './forks/forks.repository.js';
import { ForksService } from './forks/forks.service.js';
import { ExecuteController } from './messages/execute.controller.js';
import { ExecuteService } from './messages/execute.service.js';
import { MessageEditsController } from './messages/message-edits.controller.js';
import { MessageEditsRepository } from './messages/message-edits.repository.js';
import { MessageEdits } from './messages/message-edits.service.js';
import { MessagesController } from './messages/messages.controller.js';
import { MessagesRepository } from './messages/messages.repository.js';
import { MessagesService } from './messages/messages.service.js';
import { RegenerateService } from './messages/regenerate.service.js';
import { RunStart } from './messages/run-start.service.js';
import { SendMessageService } from './messages/send-message.service.js';
import { ClaimedRuns } from './run-loop/claimed-runs.js';
import { ExecuteRunProcessor } from './run-loop/execute-run.processor.js';
import { FinalAnswer } from './run-loop/final-answer.js';
import { HistoryCompaction } from './run-loop/history-compaction.js';
import { RunDisplay } from './run-loop/run-display.js';
import { RunEnding } from './run-loop/run-ending.js';
import { RunEventWriter } from './run-loop/run-event.writer.js';
import { RunHooks } from './run-loop/run-hooks.js';
import { RunJournal } from './run-loop/run-journal.js';
import { RunLoader } from './run-loop/run-loader.js';
import { RunLoop } from './run-loop/run-loop.js';
import { RunMetrics } from './run-loop/run-metrics.js';
import { RunPark } from './run-loop/run-park.js';
import { RunStepsRepository } from './run-loop/run-steps.repository.js';
import { ToolRound } from './run-loop/tool-round.js';
import { RunCancels } from './runs/run-cancels.js';
import { RunLineRepository } from './runs/run-line.repository.js';
import { RunLine } from './runs/run-line.js';
import { RunsController } from './runs/runs.controller.js';
import { RunEventsRepository } from './runs/run-events.repository.js';
import { ParentNews } from './runs/parent-news.js';
import { RunNotices } from './runs/run-notices.js';
import { RunsRepository } from './runs/runs.repository.js';
import { RunsService } from './runs/runs.service.js';
import { SessionBatchesController } from './session-batches.controller.js';
import { SessionBatchesRepository } from './session-batches.repository.js';
import { SessionBatches } from './session-batches.service.js';
import { SessionContextController } from './session-context.controller.js';
import { SessionContexts } from './session-context.service.js';
import { SessionDrafts } from './session-drafts.service.js';
import { SessionEntity } from './session.entity.js';
import { SessionNews } from './session-news.js';
import { SessionRemoval } from './session-removal.service.js';
import { SessionReferences } from './session-references.service.js';
import { SessionStatesController } from './session-states.controller.js';
import { SessionStates } from './session-states.service.js';
import { SessionsController } from './sessions.controller.js';
import { SessionListRepository } from './session-list.repository.js';
import { SessionsRepository } from './sessions.repository.js';
import { SessionsService } from './sessions.service.js';
import { ClientToolsController } from './client-tools/client-tools.controller.js';
import { ClientToolSchemas } from './client-tools/client-tool-schemas.js';
import { ClientTools } from './client-tools/client-tools.service.js';
import { ClientToolSource } from './client-tools/client-tools.source.js';
import { PermissionGrantsController } from './permissions/permission-grants.controller.js';
import { PermissionGrantsRepository } from './permissions/permission-grants.repository.js';
import { PermissionGrantsService } from './permissions/permission-grants.service.js';
import { PermissionsController } from './permissions/permissions.controller.js';
import { PermissionsRepository } from './permissions/permissions.repository.js';
import { PermissionsService } from './permissions/permissions.service.js';
import { PresentRules } from './run-loop/present-rules.js';
import { RunTools } from './run-loop/run-tools.js';
import { ConnectedCalls } from './waits/connected-calls.service.js';
import { CallAnswers } from './waits/call-answers.service.js';
import { OverdueCallsSweeper } from './waits/overdue-calls.sweeper.js';
import { WaitingCallsRepository } from './waits/waiting-calls.repository.js';
import { ExecuteTool } from './executions/execute-tool.service.js';
import { ExecutionsController } from './executions/executions.controller.js';
import { ExecutionsRepository } from './executions/executions.repository.js';
import { ExecutionsService } from './executions/executions.service.js';
import { AgentTasksController } from './agent-tasks/agent-tasks.controller.js';
import { AgentTasksRepository } from './agent-tasks/agent-tasks.repository.js';
import { AgentTasksService } from './agent-tasks/agent-tasks.service.js';
import { AgentToolSource } from './agent-tasks/agent-tools.source.js';
import { Delegation } from './agent-tasks/delegation.service.js';
import { EndedTasksSweeper } from './agent-tasks/ended-tasks.sweeper.js';
import { ParentRuns } from './agent-tasks/parent-runs.service.js';
import { ToldAnswers } from './run-loop/told-answers.js';
import { AskedBelow } from './waits/asked-below.js';
import { RunStanding } from './waits/run-standing.service.js';
import { RunAnswers } from './streams/run-answers.js';
import { RunWaits } from './streams/run-waits.js';
import { SessionSockets } from './streams/session.sockets.js';
import { SessionSources } from './streams/session-source.js';
import { SessionTemplateEntity } from './templates/session-template.entity.js';
import { SessionTemplatesController } from './templates/session-templates.controller.js';
import { SessionTemplatesRepository } from './templates/session-templates.repository.js';
import { SessionTemplates } from './templates/session-templates.service.js';
import { SessionCourseRepository } from './working-directory/session-course.repository.js';
import { WorkingDirectoryConsumer } from './working-directory/working-directory.consumer.js';
import { WorkingDirectoryController } from './working-directory/working-directory.controller.js';
import { WorkingDirectory } from './working-directory/working-directory.service.js';

@Module({
  imports: [
    TypeOrmModule.forFeature([SessionEntity, SessionTemplateEntity]),
    AgentsModule,
    DocumentsModule,
    HooksModule,
    ModelsModule,
    TenantsModule,
    ToolsModule,
    McpModule,
    WorkspacesModule,
  ],
  controllers: [
    SessionBatchesController,
    SessionsController,
    SessionStatesController,
    SessionContextController,
    SessionTemplatesController,
    ForksController,
    MessagesController,
    MessageEditsController,
    RunsController,
    ExecuteController,
    FilesController,
    PermissionsController,
    PermissionGrantsController,
    AgentTasksController,
    ExecutionsController,
    ClientToolsController,
    WorkingDirectoryController,
  ],
  providers: [
    SessionsRepository,
    SessionListRepository,
    SessionsService,
    SessionDrafts,
    SessionReferences,
    SessionRemoval,
    SessionBatchesRepository,
    SessionBatches,
    SessionContexts,
    SessionTemplatesRepository,
    SessionTemplates,
    SessionStates,
    SessionNews,
    MessagesRepository,
    MessagesService,
    MessageEditsRepository,
    MessageEdits,
    SendMessageService,
    RunStart,
    RegenerateService,
    ForksRepository,
    ForksService,
    ExecuteService,
    FilesRepository,
    FilesService,
    FileInspector,
    FileBytesSweeper,
    MessageFiles,
    PromptFiles,
    WorkingDirectory,
    WorkingDirectoryConsumer,
    SessionCourseRepository,
    RunsRepository,
    RunEventsRepository,
    RunNotices,
    ParentNews,
    RunsService,
    RunCancels,
    RunLineRepository,
    RunLine,
    RunStepsRepository,
    RunEventWriter,
    RunHooks,
    RunJournal,
    RunDisplay,
    FinalAnswer,
    RunEnding,
    RunLoader,
    RunLoop,
    RunMetrics,
    RunPark,
    ToolRound,
    RunTools,
    PresentRules,
    ToldAnswers,
    RunStanding,
    AskedBelow,
    AgentToolSource,
    AgentTasksRepository,
    AgentTasksService,
    Delegation,
    ParentRuns,
    EndedTasksSweeper,
    ExecutionsRepository,
    ExecutionsService,
    ExecuteTool,
    PermissionsRepository,
    PermissionsService,
    PermissionGrantsRepository,
    PermissionGrantsService,
    WaitingCallsRepository,
    CallAnswers,
    ConnectedCalls,
    OverdueCallsSweeper,
    ClientToolSource,
    ClientTools,
    ClientToolSchemas,
    HistoryCompaction,
    ClaimedRuns,
    ExecuteRunProcessor,
    RunAnswers,
    RunWaits,
    SessionSources,
    SessionSockets,
  ],
  exports: [ExecuteService, SessionTemplates],
})
export class SessionsModule {}
