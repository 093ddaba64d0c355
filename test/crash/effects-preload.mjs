/**
 * Loaded into a process of the application before its own code (`--import`): adds a module to the application, as any
 * module of ours is one, that registers tools whose effects are counted outside (see effects.ts). The application is
 * the one that is shipped and knows nothing of it.
 */
import { isMainThread } from 'node:worker_threads';

// The embedded database's thread is given the same options.
if (isMainThread) {
  await import('reflect-metadata');
  const { Module } = await import('@nestjs/common');
  const { AppModule } = await import('../../dist/app.module.js');
  const { ToolRegistry } = await import('../../dist/modules/tools/tool-registry.service.js');
  const { ToolsModule } = await import('../../dist/modules/tools/tools.module.js');
  const { EFFECTS_URL: url, EFFECTS_PROCESS: process } = globalThis.process.env;

  const tool = (name, idempotent) => ({
    name,
    description: name,
    inputSchema: { type: 'object', properties: { call: { type: 'string' } }, required: ['call'] },
    idempotent,
    call: async ({ call }, { signal }) => {
      const response = await fetch(url, { method: 'POST', body: JSON.stringify({ name, call, process }), signal });
      return { isError: !response.ok, content: [{ type: 'text', text: await response.text() }] };
    },
  });

  class EffectsModule {
    constructor(registry) {
      this.registry = registry;
    }

    onModuleInit() {
      this.registry.register({ name: 'effects', tools: [tool('make', false), tool('look', true)] });
    }
  }
  Reflect.defineMetadata('design:paramtypes', [ToolRegistry], EffectsModule);
  Module({ imports: [ToolsModule] })(EffectsModule);

  const forRoot = AppModule.forRoot.bind(AppModule);
  AppModule.forRoot = (settings) => {
    const root = forRoot(settings);
    return { ...root, imports: [...root.imports, EffectsModule] };
  };
}
