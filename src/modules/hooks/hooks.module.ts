import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ToolsModule } from '../tools/tools.module.js';
import { CallingHooks } from './calling-hooks.service.js';
import { HookCache } from './hook-cache.js';
import { HookCaller } from './hook-caller.js';
import { HookEntity } from './hook.entity.js';
import { HooksController } from './hooks.controller.js';
import { HooksRepository } from './hooks.repository.js';
import { HooksService } from './hooks.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([HookEntity]), ToolsModule],
  controllers: [HooksController],
  providers: [HooksService, HooksRepository, HookCache, HookCaller, CallingHooks],
  exports: [CallingHooks],
})
export class HooksModule {}
