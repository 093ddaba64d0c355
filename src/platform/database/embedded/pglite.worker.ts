/**
 * The thread that runs embedded Postgres: a long query stops this thread's event loop and nobody else's.
 *
 * This file and what it imports are also run as they are, with their types stripped by Node, so they use only syntax
 * that can be stripped and no decorators, enums or parameter properties.
 */
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { DataDirLock } from './data-dir-lock.js';
import { Maintenance } from './maintenance.js';
import { messageOf, PgliteEngine } from './pglite-engine.js';
import { clearSocketFolder, isServedFrom, openSocketFolder, SOCKET_NAME } from './socket-folder.js';
import { WireServer } from './wire-server.js';
import { STOP, type WorkerInput, type WorkerMessage } from './worker-protocol.js';

const { folder, temporary } = workerData as WorkerInput;
const data = join(folder, 'data');

try {
  await serve();
} catch (error) {
  fail(error);
}

async function serve(): Promise<void> {
  const lock = DataDirLock.acquire(folder);
  if (!lock || (await isServedFrom(folder))) {
    tell({ kind: 'in-use' });
    process.exit();
  }
  if (!existsSync(data)) await initialise();
  const engine = await PgliteEngine.open(data, fail);
  const server = new WireServer(engine, fail);
  const socketFolder = await openSocketFolder(folder, temporary);
  await server.listen(join(socketFolder, SOCKET_NAME));
  const maintenance = new Maintenance(engine, server);
  void maintenance.run((error) => {
    tell({ kind: 'log', line: `Maintenance of the embedded database failed: ${messageOf(error)}` });
  });

  parentPort?.on('message', (message) => {
    if (message !== STOP) return;
    stop().catch(fail);
  });
  tell({ kind: 'ready', socketFolder });

  async function stop(): Promise<void> {
    maintenance.stop();
    await server.stop();
    await engine.close();
    await clearSocketFolder(folder);
    lock?.release();
    process.exit();
  }
}

/** Under another name until it is whole, for a start may be killed half-way. */
async function initialise(): Promise<void> {
  const unfinished = `${data}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(unfinished, { mode: 0o700 });
  const engine = await PgliteEngine.open(unfinished, fail);
  await engine.close();
  await rename(unfinished, data);
}

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

function fail(error: unknown): never {
  tell({ kind: 'failed', reason: messageOf(error) });
  process.exit(1);
}
