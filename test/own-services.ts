import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';

const SCRIPT = join(import.meta.dirname, '..', '.ci', 'services');
const AWAY_MS = 700;

/** A Postgres and a Redis that a test may do anything to, made as the ones of the other tests are. */
export class OwnServices {
  private readonly folder = join(tmpdir(), `atrium-services-${randomUUID()}`);
  private environment: Record<string, string> = {};

  /** From here on `createTestStore` makes its stores on them. */
  async start(): Promise<void> {
    await this.script('start');
    const lines = readFileSync(join(this.folder, 'env'), 'utf8').matchAll(/^export (\w+)=(.*)$/gm);
    this.environment = Object.fromEntries([...lines].map(([, name = '', value = '']) => [name, value]));
    Object.assign(process.env, this.environment);
  }

  /** Away for a moment. `fast` ends connections and closes in order, `immediate` is as good as a crash. */
  async restartPostgres(mode: 'fast' | 'immediate'): Promise<void> {
    await this.pgCtl('-m', mode, 'stop');
    await sleep(AWAY_MS);
    // Unlike `start`, it uses the options of the last time.
    await this.pgCtl('restart');
  }

  async flushRedis(): Promise<void> {
    await this.withRedis((redis) => redis.flushall());
  }

  /** With an empty memory, as after a crash. */
  async restartRedis(): Promise<void> {
    const pid = Number(readFileSync(join(this.folder, 'redis.pid'), 'utf8'));
    const port = new URL(this.environment['TEST_REDIS_URL'] ?? '').port;
    process.kill(pid, 'SIGKILL');
    const files = ['--pidfile', join(this.folder, 'redis.pid'), '--logfile', join(this.folder, 'redis.log')];
    const kept = ['--save', '', '--appendonly', 'no', '--dir', this.folder];
    await sleep(AWAY_MS);
    await run(['redis-server', '--bind', '127.0.0.1', '--port', port, '--daemonize', 'yes', ...kept, ...files]);
    await this.withRedis((redis) => redis.ping());
  }

  async stop(): Promise<void> {
    await this.script('stop');
  }

  private get data(): string {
    return join(this.folder, 'postgres');
  }

  private async pgCtl(...args: string[]): Promise<void> {
    const version = readFileSync(join(this.data, 'PG_VERSION'), 'utf8').trim();
    const command = [`/usr/lib/postgresql/${version}/bin/pg_ctl`, '-D', this.data, '-w', '-s', ...args];
    await run(process.getuid?.() === 0 ? ['runuser', '-u', 'postgres', '--', ...command] : command);
  }

  private async withRedis(act: (redis: Redis) => Promise<unknown>): Promise<void> {
    const redis = new Redis(this.environment['TEST_REDIS_URL'] ?? '');
    redis.on('error', () => undefined);
    await act(redis);
    redis.disconnect();
  }

  private script(verb: 'start' | 'stop'): Promise<void> {
    return run([SCRIPT, verb], { SERVICES_DIR: this.folder });
  }
}

/** Without waiting in between: the upstream of the tests lives in this process. */
async function run([command = '', ...args]: string[], environment: Record<string, string> = {}): Promise<void> {
  const child = spawn(command, args, {
    cwd: tmpdir(),
    stdio: 'ignore',
    env: { ...process.env, ...environment },
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
}
