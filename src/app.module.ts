import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AdminModule } from './modules/admin/admin.module.js';
import { AgentsModule } from './modules/agents/agents.module.js';
import { AnswersModule } from './modules/answers/answers.module.js';
import { AuditModule } from './modules/audit/audit.module.js';
import { AuthModule } from './modules/auth/auth.module.js';
import { BuiltinsModule } from './modules/builtins/builtins.module.js';
import { HooksModule } from './modules/hooks/hooks.module.js';
import { McpServerModule } from './modules/mcp-server/mcp-server.module.js';
import { McpModule } from './modules/mcp/mcp.module.js';
import { ModelsModule } from './modules/models/models.module.js';
import { IngestDocumentProcessor } from './modules/rag/ingestion/ingest-document.processor.js';
import { RunEvaluationProcessor } from './modules/rag/evaluations/run-evaluation.processor.js';
import { RagModule } from './modules/rag/rag.module.js';
import { ExecuteRunProcessor } from './modules/sessions/run-loop/execute-run.processor.js';
import { SessionsModule } from './modules/sessions/sessions.module.js';
import { TenantsModule } from './modules/tenants/tenants.module.js';
import { ToolsModule } from './modules/tools/tools.module.js';
import { WorkspacesModule } from './modules/workspaces/workspaces.module.js';
import { AccessGuard } from './platform/access/access.guard.js';
import { ConfigModule } from './platform/config/config.module.js';
import type { Settings } from './platform/config/settings.js';
import { CryptoModule } from './platform/crypto/crypto.module.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { EgressModule } from './platform/egress/egress.module.js';
import { EventsModule } from './platform/events/events.module.js';
import { HttpModule } from './platform/http/http.module.js';
import { JobsModule } from './platform/jobs/jobs.module.js';
import { LiveModule } from './platform/live/live.module.js';
import { SocketsModule } from './platform/live/sockets.module.js';
import { RedisModule } from './platform/redis/redis.module.js';
import { StorageModule } from './platform/storage/storage.module.js';

@Module({})
export class AppModule {
  static forRoot(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(settings),
        RedisModule,
        DatabaseModule,
        StorageModule,
        EgressModule,
        CryptoModule,
        EventsModule,
        JobsModule.forRoot({
          'run.execute': ExecuteRunProcessor,
          'document.ingest': IngestDocumentProcessor,
          'evaluation.run': RunEvaluationProcessor,
        }),
        LiveModule,
        ...(settings.role === 'worker' ? [] : [SocketsModule]),
        HttpModule,
        TenantsModule,
        AuthModule,
        ModelsModule,
        ToolsModule,
        HooksModule,
        BuiltinsModule,
        McpModule,
        RagModule,
        WorkspacesModule,
        AgentsModule,
        SessionsModule,
        AnswersModule,
        McpServerModule,
        AdminModule,
        AuditModule,
      ],
      providers: [{ provide: APP_GUARD, useClass: AccessGuard }],
    };
  }
}
