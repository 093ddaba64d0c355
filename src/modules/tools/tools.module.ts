import { Module, type OnModuleInit } from '@nestjs/common';
import { ComputeModule } from '../../platform/compute/compute.module.js';
import { TenantsModule } from '../tenants/tenants.module.js';
import { CalculatorServer } from './calculator.server.js';
import { ClockServer } from './clock.server.js';
import { ToolExecutor } from './tool-executor.service.js';
import { ToolInputs } from './tool-inputs.js';
import { ToolRegistry } from './tool-registry.service.js';
import { ToolTurns } from './tool-turns.js';
import { ToolsController } from './tools.controller.js';
import { ToolsService } from './tools.service.js';

@Module({
  imports: [ComputeModule, TenantsModule],
  controllers: [ToolsController],
  providers: [ToolRegistry, ToolExecutor, ToolInputs, ToolTurns, ToolsService],
  exports: [ToolRegistry, ToolExecutor, ToolInputs],
})
export class ToolsModule implements OnModuleInit {
  constructor(private readonly registry: ToolRegistry) {}

  onModuleInit(): void {
    this.registry.register(new CalculatorServer());
    this.registry.register(new ClockServer());
  }
}
