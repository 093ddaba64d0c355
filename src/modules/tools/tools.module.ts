import { Module, type OnModuleInit } from '@nestjs/common';
import { CalculatorServer } from './calculator.server.js';
import { ClockServer } from './clock.server.js';
import { ToolExecutor } from './tool-executor.service.js';
import { ToolRegistry } from './tool-registry.service.js';

@Module({ providers: [ToolRegistry, ToolExecutor], exports: [ToolRegistry, ToolExecutor] })
export class ToolsModule implements OnModuleInit {
  constructor(private readonly registry: ToolRegistry) {}

  onModuleInit(): void {
    this.registry.register(new CalculatorServer());
    this.registry.register(new ClockServer());
  }
}
