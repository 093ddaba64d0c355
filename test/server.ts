import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN } from './admin.js';
import { freePort } from './free-port.js';
import { createTestStore, type TestStore } from './test-store.js';

const ROOT = join(import.meta.dirname, '..');
const READY_LIMIT_MS = 60_000;

export const SECRET = 'test-secret-test-secret-test-secret-';

/** The application as it is shipped: built, in a process of its own. */
export interface Server {
  url: string;
  store: TestStore;
  /** What it has logged so far. */
  log(): Record<string, unknown>[];
  /** At once, as by a crash. The store stays. */
  kill(): Promise<void>;
  /** In order, and its store is dropped. */
  stop(): Promise<void>;
}

/** A process that may still be starting. */
export interface Launched extends Server {
  /** Rejects, with what it said, when it has ended before. */
  ready: Promise<void>;
  /** However it ended: nobody has to have asked for it. */
  exited: Promise<void>;
}

export async function startServer(environment: Record<string, string> = {}, store?: TestStore): Promise<Server> {
  const server = await launchServer(environment, store ?? (await createTestStore()));
  await server.ready;
  return server;
}

export async function launchServer(environment: Record<string, string>, store: TestStore): Promise<Launched> {
  build();
  const port = await freePort();
  const child = spawn(process.execPath, ['dist/main.js'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      LOG_LEVEL: 'silent',
      HOST: '127.0.0.1',
      PORT: String(port),
      JWT_SECRET: SECRET,
      ENCRYPTION_KEY: SECRET,
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      RATE_LIMIT_ANONYMOUS: '1000000',
      RATE_LIMIT_AUTHENTICATED: '1000000',
      RATE_LIMIT_PREMIUM: '1000000',
      RATE_LIMIT_LOGIN: '1000000',
      ...store.environment,
      ...environment,
    },
  });
  let logged = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (logged += text));
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const exited = once(child, 'exit').then(() => undefined);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
  };
  const url = `http://127.0.0.1:${port}`;
  const start = async (): Promise<void> => {
    if (await Promise.race([untilReady(url, exited), exited.then(() => false)])) return;
    await end('SIGKILL');
    throw new Error(`The server did not start, exit code ${child.exitCode}: ${said}`);
  };
  const ready = start();
  // Who never waits for it has not asked.
  ready.catch(() => undefined);
  return {
    url,
    store,
    ready,
    exited,
    log: () =>
      logged
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    kill: () => end('SIGKILL'),
    stop: async () => {
      await end('SIGTERM');
      await store.drop();
    },
  };
}

let isBuilt = false;

function build(): void {
  if (isBuilt) return;
  const { status } = spawnSync(process.execPath, ['scripts/ensure-built.mjs'], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error('The build failed');
  isBuilt = true;
}

async function untilReady(url: string, exited: Promise<void>): Promise<boolean> {
  let end = Date.now() + READY_LIMIT_MS;
  void exited.then(() => (end = 0));
  while (Date.now() < end) {
    const isReady = await fetch(`${url}/health/ready`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (isReady) return true;
    await sleep(50);
  }
  return false;
}
