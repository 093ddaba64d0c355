import { Logger } from '@nestjs/common';
import { createApp } from './bootstrap.js';
import { stdioFaults } from './modules/mcp/stdio/stdio-faults.js';
import { isChatModel, modelFaults } from './modules/models/model-settings.js';
import { embeddingFaults } from './modules/rag/embeddings/embedding-settings.js';
import { rerankFaults } from './modules/rag/rerank/rerank-settings.js';
import { giveBackStartMemory } from './start-memory.js';
import { BadSettings, loadSettings, readEnvironment } from './platform/config/load-settings.js';
import type { Settings } from './platform/config/settings.js';
import { DataDirInUse } from './platform/database/embedded/embedded-postgres.js';
import { MigrationFailed } from './platform/database/migrator.js';
import { stopOnSignals } from './platform/http/shutdown.js';
import { Readiness } from './platform/http/readiness.js';
import { placeOf } from './platform/telemetry/redaction.js';

/** Starts the process as its settings say; what the operator can mend ends it with plain lines and exit code 1. */
export async function serve(): Promise<void> {
  const settings = settingsOrExit();
  try {
    const app = await createApp(settings);
    endOnUncaught();
    stopOnSignals(app);
    giveBackStartMemory();
    await app.listen(settings.http.port, settings.http.host);
    app.get(Readiness).markReady();
  } catch (error) {
    process.stderr.write(`${startFault(error, settings)}\n`);
    process.exit(1);
  }
}

/** What nobody caught leaves things half done: the process ends, and whoever watches over it starts it anew. */
function endOnUncaught(): void {
  process.on('uncaughtException', (error: unknown) => {
    new Logger('Process').fatal({ err: error }, 'An error that nobody caught');
    process.exit(1);
  });
}

function settingsOrExit(): Settings {
  try {
    return loadSettings(readEnvironment(), (environment) => [
      ...modelFaults(environment),
      ...embeddingFaults(environment),
      ...rerankFaults(environment, (name) => isChatModel(environment, name)),
      ...stdioFaults(environment),
    ]);
  } catch (error) {
    const faults = error instanceof BadSettings ? error.faults : [String(error)];
    for (const fault of faults) process.stderr.write(`${fault}\n`);
    return process.exit(1);
  }
}

function startFault(error: unknown, { http }: Settings): string {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const isOfListening = (name: string) => syscall === 'listen' && code === name;
  if (isOfListening('EADDRINUSE')) return `PORT ${http.port} of ${http.host} is in use by another process`;
  if (isOfListening('EACCES')) return `PORT ${http.port} of ${http.host} may not be opened by this user`;
  if (isOfListening('EADDRNOTAVAIL')) return `HOST ${http.host} is no address of this machine`;
  if (error instanceof DataDirInUse || error instanceof MigrationFailed) return error.message;
  if (!(error instanceof Error)) return String(error);
  const at = placeOf(error);
  return `${error.name}: ${error.message}${at ? ` (${at})` : ''}`;
}
