import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ResilienceModule } from '../../platform/resilience/resilience.module.js';
import { ToolsModule } from '../tools/tools.module.js';
import { CallingHooks } from './calling-hooks.service.js';
import { HookCache } from './hook-cache.js';
import { HookCaller } from './hook-caller.js';
import { HookEntity } from './hook.entity.js';
import { HooksController } from './hooks.controller.js';
import { HooksRepository } from './hooks.repository.js';
import { HooksService } from './hooks.service.js';
import { TellingHooks } from './telling-hooks.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([HookEntity]), ResilienceModule, ToolsModule],
  controllers: [HooksController],
  providers: [HooksService, HooksRepository, HookCache, HookCaller, CallingHooks, TellingHooks],
  exports: [CallingHooks, TellingHooks],
})
export class HooksModule {}
